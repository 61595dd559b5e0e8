"""What the gateway itself takes: the operations of its OpenAPI document, and the fields of their bodies and queries.

Knows the document and the routes; does not know what becomes of a field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi.routing import APIRoute

from gateway.app import create_app
from modelyard.settings import Settings


@dataclass(frozen=True)
class Operation:
    """`same_as` is the endpoint whose other path this is, or empty; its fields are only there."""

    fields: frozenset[str]
    same_as: str = ""


def served() -> dict[str, Operation]:
    app = create_app(Settings(_env_file=None), triton_urls=list)
    document = app.openapi()
    first: dict[Any, str] = {}
    found = {}
    for route in app.routes:
        if not isinstance(route, APIRoute) or not route.include_in_schema:
            continue
        for method in route.methods:
            endpoint = f"{method} {route.path_format}"
            same_as = first.setdefault(route.endpoint, endpoint)
            if same_as == endpoint:
                fields = _fields(document["paths"][route.path_format][method.lower()], document)
                found[endpoint] = Operation(frozenset(fields))
            else:
                found[endpoint] = Operation(frozenset(), same_as)
    return found


def _fields(operation: dict[str, Any], document: dict[str, Any]) -> list[str]:
    queries = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]
    content = operation.get("requestBody", {}).get("content", {})
    schemas = [_resolved(each["schema"], document) for each in content.values()]
    return queries + [name for schema in schemas for name in schema["properties"]]


def _resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found

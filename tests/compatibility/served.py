"""What the gateway itself takes: the operations of its OpenAPI document, and the fields of their bodies and queries.

Knows the document; does not know what becomes of a field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.app import create_app
from modelyard.settings import Settings


@dataclass(frozen=True)
class Operation:
    """`same_as` is the endpoint whose other path this is, or empty; its fields are only there."""

    fields: frozenset[str]
    same_as: str = ""


def served() -> dict[str, Operation]:
    document = create_app(Settings(_env_file=None), triton_urls=list).openapi()
    first: dict[tuple[str, ...], str] = {}
    found = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            endpoint = f"{method.upper()} {path}"
            # One handler at two paths says the same of itself in the same chapter.
            same_as = first.setdefault((method, operation["summary"], *operation["tags"]), endpoint)
            if same_as == endpoint:
                found[endpoint] = Operation(frozenset(_fields(operation, document)))
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

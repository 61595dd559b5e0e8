"""What the OpenAPI document says of failures: the statuses of a route, and what they mean.

Knows statuses; the form of an error is each dialect's own.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

# The answers of the layers before every route: the guard, the limit of a body, and the last resort.
_EVERYWHERE = (401, 403, 413, 500)
_MEANINGS = {
    400: "A field is wrong or cannot be honoured; it is named",
    401: "No key, or a wrong one",
    403: "A setting forbids it; where no key is set, also that the caller is not on this machine",
    404: "No such model; those that are installed are named",
    409: "The model is there already, in use or being changed, or its files are on another host",
    413: "The body is too large",
    415: "The body is of another media type, or compressed",
    500: "The engine failed",
    503: "Too much to do, or no engine; see Retry-After",
    504: "The engine did not answer in time",
}


def failing(
    form: type[BaseModel], *statuses: int, meanings: dict[int, str] | None = None
) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route that may fail with these, and with what every route may."""
    said = _MEANINGS | (meanings or {})
    return {status: {"model": form, "description": said[status]} for status in sorted({*statuses, *_EVERYWHERE})}

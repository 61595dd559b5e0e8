"""Bodies of JSON, read strictly: UTF-8 only, numbers that are numbers, text that can be encoded, and not too deep.

Knows HTTP's request and JSON; what is in a body is each dialect's own.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

# What is read here is written again for the engine and for templates, whose writers end at 254 levels and at
# Python's stack. A schema that people write has about ten.
MAX_DEPTH = 100


class JSONRoute(APIRoute):
    """A route whose JSON body is read by `read_json`: `APIRouter(route_class=JSONRoute)`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def with_strict_body(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return with_strict_body


class _StrictRequest(Request):
    async def json(self) -> Any:
        refuse_compressed(self)
        return read_json(await self.body())


def refuse_compressed(request: Request) -> None:
    coding = request.headers.get("content-encoding", "identity")
    if coding.strip().lower() != "identity":
        raise HTTPException(415, "the body is compressed; send it as it is, without Content-Encoding")


def read_json(body: bytes) -> Any:
    """What the body says. Raises json.JSONDecodeError, of which orjson's is one.

    Not taken, though Python's own reader would: other encodings than UTF-8, NaN and Infinity, halves of surrogate
    pairs, and nesting beyond MAX_DEPTH. Of a key that comes twice the last counts.
    """
    value = orjson.loads(body)
    # Most bodies have fewer brackets than that, and need no look inside.
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _is_deep(value):
        raise orjson.JSONDecodeError(f"it is nested more than {MAX_DEPTH} levels deep", "", 0)
    return value


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return any(isinstance(each, dict | list) for each in level)

"""What all of Ollama's bodies have in common, and how they are read.

Knows JSON and headers; does not know a field.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict

from gateway.dialects.bodies import JSONRoute


class Wire(BaseModel):
    """Unknown fields are refused by name. strict: "0.5" is not a number. What users write is not repeated in errors."""

    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True, validate_by_name=True
    )


class AnyContentType(JSONRoute):
    """Reads the body as JSON whatever its header says, as Ollama does: its own examples with curl send none, which
    curl calls a form. The guard has looked at where the request comes from."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def as_json(request: Request) -> Response:
            headers = [each for each in request.scope["headers"] if each[0] != b"content-type"]
            headers.append((b"content-type", b"application/json"))
            return await handle(Request({**request.scope, "headers": headers}, request.receive))

        return as_json

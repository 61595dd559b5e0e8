"""What the bodies and the answers of OpenAI's smaller endpoints share: strictness, and how they fail.

Knows OpenAI's error form; knows no endpoint.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from gateway.dialects.openai.schemas import ErrorBody

NO_EFFECT = "Accepted; has no effect here."

_DESCRIPTIONS = {
    400: "A field is wrong or cannot be honoured; it is named",
    401: "No key, or a wrong one",
    404: "No such model; those that are installed are named",
    413: "The body is too large",
    415: "The body is of another media type",
    500: "The engine failed",
    503: "Too much to do, or no engine; see Retry-After",
    504: "The engine did not answer in time",
}


class Wire(BaseModel):
    """A JSON body. strict: "0.5" is not a number. hide_input: what users write is not repeated in errors."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True)


def failures(*more: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of an endpoint that asks a model, for the OpenAPI page."""
    statuses = sorted({400, 401, 404, 413, 500, 503, 504, *more})
    answers: dict[int | str, dict[str, Any]] = {
        status: {"model": ErrorBody, "description": _DESCRIPTIONS[status]} for status in statuses
    }
    # With a default there is no 422, FastAPI's own idea of a wrong body, which is never sent.
    return {**answers, "default": {"model": ErrorBody, "description": "Any other failure"}}

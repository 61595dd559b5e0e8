"""What the bodies and the answers of OpenAI's smaller endpoints share: strictness, and how they fail.

Knows OpenAI's error form; knows no endpoint.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from gateway.dialects.openai.schemas import ErrorBody
from gateway.dialects.statuses import failing

NO_EFFECT = "Accepted; has no effect here."


class Wire(BaseModel):
    """A JSON body. strict: "0.5" is not a number. hide_input: what users write is not repeated in errors."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True)


def failures(*more: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of an endpoint that asks a model, for the OpenAPI page."""
    return failing(ErrorBody, 400, 404, 503, 504, *more)

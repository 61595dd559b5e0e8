"""OpenAI's words for moderation. Types and ranges only."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from gateway.dialects.openai.wire import Wire
from gateway.dialects.text import NonEmpty
from modelyard.errors import FieldRefused, InvalidInput

MAX_INPUTS = 2048  # MAX_TEXTS of the backends


class TextPart(Wire):
    type: Literal["text"]
    text: NonEmpty


class ModerationsRequest(Wire):
    input: NonEmpty | list[NonEmpty] | list[TextPart] = Field(
        description="A text, several texts, or the text parts of one input."
    )
    model: NonEmpty | None = Field(None, description="Unset: the first text-classification model that is installed.")

    @model_validator(mode="before")
    @classmethod
    def _check_input(cls, given: Any) -> Any:
        if isinstance(given, dict) and "input" in given:
            _check(given["input"])
        return given


def _check(given: Any) -> None:
    if given in ("", []):
        raise InvalidInput("'input' is empty", field="input")
    if not isinstance(given, list):
        return
    if len(given) > MAX_INPUTS:
        raise InvalidInput(
            f"'input' has {len(given)} elements; at most {MAX_INPUTS} may be sent at once", field="input"
        )
    for place, each in enumerate(given):
        if each == "":
            raise InvalidInput(f"'input[{place}]' is empty", field=f"input[{place}]")
        if isinstance(each, dict) and each.get("type") == "image_url":
            raise FieldRefused(f"input[{place}].type", "a classifier of texts sees no pictures")
    if any(isinstance(each, dict) for each in given) and not all(isinstance(each, dict) for each in given):
        raise InvalidInput("'input' must have texts or parts, and only one of them", field="input")


class Moderation(BaseModel):
    flagged: bool
    categories: dict[str, bool]
    category_scores: dict[str, float]
    category_applied_input_types: dict[str, list[Annotated[str, Field(examples=["text"])]]]


class Moderations(BaseModel):
    id: str
    model: str
    results: list[Moderation]

"""What the bodies and the answers of OpenAI's smaller endpoints share: strictness, and how they fail.

Knows OpenAI's error form; knows no endpoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel, ConfigDict

from gateway.dialects.openai.schemas import ErrorBody
from gateway.dialects.statuses import failing
from modelyard.errors import InvalidInput, PromptTooLong

NO_EFFECT = "Accepted; has no effect here."


class Wire(BaseModel):
    """A JSON body. strict: "0.5" is not a number. hide_input: what users write is not repeated in errors."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True)


def failures(*more: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of an endpoint that asks a model, for the OpenAPI page."""
    return failing(ErrorBody, 400, 404, 503, 504, *more)


@contextmanager
def named(names: Mapping[str, str], *, too_long: str = "input") -> Iterator[None]:
    """An InvalidInput of the block names the field as the client knows it; `names` has those that are other than ours,
    and under "" the one of an error that names none.

    `too_long` is the field of an input that the model has no room for.
    """
    try:
        yield
    except PromptTooLong as error:
        error.field = too_long
        raise
    except InvalidInput as error:
        ours = error.field or ""
        error.field = names.get(ours, error.field)
        if ours and error.field != ours:
            error.message = error.message.replace(f"'{ours}'", f"'{error.field}'")
        raise

"""OpenAI's words for embeddings, and two of ours. Types and ranges only."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from gateway.dialects.openai.wire import NO_EFFECT, Wire
from gateway.dialects.text import NonEmpty
from modelyard.errors import InvalidInput

MAX_INPUTS = 2048  # as OpenAI has it, and MAX_TEXTS of the backends
_MAX_INT = 2**31 - 1

TokenId = Annotated[int, Field(ge=0, le=_MAX_INT)]
TokenIds = Annotated[list[TokenId], Field(min_length=1)]


class EmbeddingsRequest(Wire):
    model: NonEmpty = Field(description="Name of a served model.")
    input: NonEmpty | list[NonEmpty] | TokenIds | list[TokenIds] = Field(
        description=f"A text, token ids of the model's own tokenizer, or up to {MAX_INPUTS} of either."
    )
    encoding_format: Literal["float", "base64"] | None = Field(
        None, description="base64: the little-endian 32-bit numbers themselves."
    )
    dimensions: int | None = Field(None, ge=1, le=_MAX_INT, description="Keep the first numbers of each vector.")
    user: str | None = Field(None, description=NO_EFFECT)
    input_type: Literal["query", "document"] | None = Field(
        None, description="Modelyard's extension: puts the checkpoint's own prompt for that use in front."
    )
    truncate: bool | None = Field(
        None, description="Modelyard's extension: false refuses an input that is longer than the model reads."
    )

    @model_validator(mode="before")
    @classmethod
    def _check_input(cls, given: Any) -> Any:
        if isinstance(given, dict) and "input" in given:
            _check(given["input"])
        return given


def _check(given: Any) -> None:
    """Raises InvalidInput with one sentence; a union would complain once for each of its members."""
    if given == "":
        raise InvalidInput("'input' is empty", field="input")
    if isinstance(given, str):
        return
    if not isinstance(given, list):
        raise InvalidInput("'input' must be a text, token ids, or an array of either", field="input")
    if not given:
        raise InvalidInput("'input' is empty", field="input")
    kind = type(given[0])
    if kind not in (str, int, list) or any(type(each) is not kind for each in given):
        raise InvalidInput(
            "'input' must have texts, token ids, or arrays of token ids, and only one of them", field="input"
        )
    if kind is int:
        return
    if len(given) > MAX_INPUTS:
        raise InvalidInput(
            f"'input' has {len(given)} elements; at most {MAX_INPUTS} may be sent at once", field="input"
        )
    for place, each in enumerate(given):
        if not each:
            raise InvalidInput(f"'input[{place}]' is empty", field=f"input[{place}]")


class Embedding(BaseModel):
    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class EmbeddingsUsage(BaseModel):
    prompt_tokens: int
    total_tokens: int


class EmbeddingList(BaseModel):
    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    usage: EmbeddingsUsage

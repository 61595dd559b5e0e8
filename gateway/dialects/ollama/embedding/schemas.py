"""Ollama's bodies of /api/embed and /api/embeddings, as its API reference has them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from gateway.dialects.ollama.durations import KeepAlive
from gateway.dialects.ollama.generation.options import Options
from gateway.dialects.ollama.wire import Wire
from gateway.dialects.text import NonEmpty, Text

MAX_TEXTS = 2048  # as OpenAI's embeddings


class _Embedding(Wire):
    model: NonEmpty = Field(description="Name of a served model; ':latest' may follow it.")
    keep_alive: KeepAlive | None = Field(None, description="How long the model stays loaded: '5m', seconds, -1, 0.")
    options: Options | None = Field(None, description="Only num_ctx means something here.")


class EmbedRequest(_Embedding):
    input: Text | Annotated[list[Text], Field(max_length=MAX_TEXTS)]
    truncate: bool | None = Field(None, description="Cut a text that is too long; unset is true, false refuses it.")
    dimensions: int | None = Field(None, ge=1, le=2**31 - 1, description="Of each vector only so many numbers.")


class EmbeddingsRequest(_Embedding):
    """The older form, of one text."""

    prompt: Text | None = None


class EmbedResponse(BaseModel):
    """Durations are nanoseconds."""

    model: str
    embeddings: list[list[float]]
    total_duration: int
    load_duration: int
    prompt_eval_count: int


class EmbeddingsResponse(BaseModel):
    embedding: list[float]

"""Bodies of /v1/embeddings to our request, and our vectors to its answer. Pure."""

from __future__ import annotations

import base64
import sys
from array import array
from typing import Any

from gateway.dialects.openai.embeddings.schemas import EmbeddingsRequest
from gateway.domain.embedding import EmbeddingRequest, Embeddings
from gateway.domain.generation import Tokens


def to_embedding(wire: EmbeddingsRequest) -> EmbeddingRequest:
    return EmbeddingRequest(
        model=wire.model,
        texts=_texts(wire.input),
        dimensions=wire.dimensions,
        input_type=wire.input_type,
        truncate=wire.truncate is not False,
    )


def from_embeddings(found: Embeddings, wire: EmbeddingsRequest) -> dict[str, Any]:
    form = _coded if wire.encoding_format == "base64" else _listed
    tokens = sum(found.tokens)
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": place, "embedding": form(found.vector(place))}
            for place in range(len(found.tokens))
        ],
        "model": wire.model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _texts(given: Any) -> tuple[str | Tokens, ...]:
    if isinstance(given, str):
        return (given,)
    if isinstance(given[0], int):
        return (Tokens(tuple(given)),)
    return tuple(each if isinstance(each, str) else Tokens(tuple(each)) for each in given)


def _coded(vector: bytes) -> str:
    return base64.b64encode(vector).decode()


def _listed(vector: bytes) -> list[float]:
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()

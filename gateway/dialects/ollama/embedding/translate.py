"""Ollama's requests for embeddings to ours and back. Pure: no HTTP, no clock."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson

from gateway.dialects.ollama.durations import keep_alive_s, nanoseconds
from gateway.dialects.ollama.embedding.schemas import EmbeddingsRequest, EmbedRequest
from gateway.dialects.ollama.names import plain
from gateway.domain.embedding import EmbeddingRequest, Embeddings


def to_embedding(wire: EmbedRequest) -> EmbeddingRequest:
    return EmbeddingRequest(
        plain(wire.model),
        (wire.input,) if isinstance(wire.input, str) else tuple(wire.input),
        dimensions=wire.dimensions,
        truncate=wire.truncate is not False,
        keep_alive_s=keep_alive_s(wire.keep_alive),
    )


def to_one_embedding(wire: EmbeddingsRequest) -> EmbeddingRequest:
    return EmbeddingRequest(plain(wire.model), (wire.prompt or "",), keep_alive_s=keep_alive_s(wire.keep_alive))


def from_embeddings(found: Embeddings, *, model: str, total_s: float) -> bytes:
    """As JSON at once: the numbers go from the engine's bytes to text with nothing between."""
    return _json(
        {
            "model": model,
            "embeddings": _vectors(found),
            "total_duration": nanoseconds(total_s),
            "load_duration": nanoseconds(found.load_s),
            "prompt_eval_count": sum(found.tokens),
        }
    )


def from_one_embedding(found: Embeddings) -> bytes:
    return _json({"embedding": _vectors(found)[0] if found.tokens else []})


def _vectors(found: Embeddings) -> Any:
    """Rows of an array, which orjson writes with as few digits as FP32 needs."""
    if not found.tokens:
        return []
    return np.frombuffer(found.vectors, dtype="<f4").reshape(len(found.tokens), found.size)


def _json(answer: object) -> bytes:
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)

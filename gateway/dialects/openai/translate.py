"""What all of OpenAI's answers share, as JSON: the usage, the head of a chunk, an error. Pure.

Knows OpenAI's forms; what one path alone says is beside its routes.
"""

from __future__ import annotations

from typing import Any

import orjson

from gateway.dialects.failures import Failure
from gateway.dialects.framing import SSE_OPEN, sse
from gateway.domain.generation import Usage

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def chunk_head(answer_id: str, kind: str, created: int, model: str) -> bytes:
    """A chunk of a stream up to its choices."""
    envelope = {"id": answer_id, "object": kind, "created": created, "model": model}
    return SSE_OPEN + orjson.dumps(envelope)[:-1] + b',"choices":'


def from_usage(usage: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def from_failure(failure: Failure) -> dict[str, Any]:
    """OpenAI's error object."""
    kind = _TYPES.get(failure.status, "invalid_request_error" if failure.status < 500 else "server_error")
    return {"error": {"message": failure.message, "type": kind, "param": failure.param, "code": failure.code}}


def last_words(failure: Failure) -> bytes:
    """The event that ends a stream which broke; no [DONE] follows."""
    return sse(from_failure(failure))

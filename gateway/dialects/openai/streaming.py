"""What every generated answer of OpenAI's has: a name of its own, and a stream that ends with OpenAI's error.

Knows the clock and chance, which translation does not.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncGenerator
from typing import Any

from gateway.dialects.failures import from_exception
from gateway.dialects.framing import EVENT_SCHEMA, EVENT_STREAM, StreamedAnswer
from gateway.dialects.openai.translate import last_words
from gateway.dialects.openai.wire import failures


def new_answer(prefix: str) -> dict[str, Any]:
    return {"answer_id": f"{prefix}-{uuid.uuid4().hex}", "created": int(time.time())}


def stream(frames: AsyncGenerator[bytes, None]) -> StreamedAnswer:
    return StreamedAnswer(frames, EVENT_STREAM, lambda error: last_words(from_exception(error)))


def answered_by(*, stream_of: str) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route that generates, whole or as a stream of such objects."""
    example = f'data: {{"object": "{stream_of}", ...}}\n\ndata: [DONE]\n\n'
    content = {EVENT_STREAM: {"schema": EVENT_SCHEMA, "example": example}}
    return {200: {"content": content}, **failures(415)}

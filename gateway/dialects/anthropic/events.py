"""The events of one streamed message as bytes: blocks that open, grow and close. The same parts are made once.

Knows our events and Anthropic's; knows no HTTP.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from gateway.dialects.anthropic.translate import from_usage, stop_reason, without_stop
from gateway.dialects.framing import SSE_CLOSE, sse_event, sse_event_open
from gateway.domain.generation import Event, Finished, ReasoningDelta, TextDelta

_DELTA = sse_event_open("content_block_delta")
_GROWING = {
    "text": ("text_delta", "text"),
    "thinking": ("thinking_delta", "thinking"),
    "tool": ("input_json_delta", "partial_json"),
}


class MessageEvents:
    """`begin`, then `of` each event; the last one is `Finished`."""

    def __init__(self, model: str, *, answer_id: str, stops: Sequence[str], with_thoughts: bool) -> None:
        self._model = model
        self._answer_id = answer_id
        self._stops = stops
        # The end of a stop sequence may be what comes next, so so many characters are held back.
        self._hold = max(map(len, stops), default=0)
        self._held = ""
        self._with_thoughts = with_thoughts
        self._blocks = -1
        self._open: str | None = None  # what grows now: text, thinking, tool
        self._before = b""

    def begin(self) -> bytes:
        message: dict[str, Any] = {
            "id": self._answer_id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 0, "output_tokens": 0},
        }
        return sse_event("message_start", {"type": "message_start", "message": message})

    def of(self, event: Event) -> bytes:
        if isinstance(event, TextDelta):
            return self._text(event.text)
        if isinstance(event, ReasoningDelta):
            return self._grow("thinking", event.text) if self._with_thoughts else b""
        if isinstance(event, Finished):
            return self._end(event)
        pieces = [self._release()]
        if event.name is not None:
            block: dict[str, Any] = {"type": "tool_use", "id": event.id, "name": event.name, "input": {}}
            pieces.append(self._begin("tool", block))
        if event.arguments:
            pieces.append(self._grow("tool", event.arguments))
        return b"".join(pieces)

    def _text(self, text: str) -> bytes:
        if self._hold:
            self._held += text
            ready = len(self._held) - self._hold
            if ready <= 0:
                return b""
            text, self._held = self._held[:ready], self._held[ready:]
        return self._grow("text", text)

    def _release(self) -> bytes:
        """The text that was held back, which is not the end of the answer after all."""
        text, self._held = self._held, ""
        return self._grow("text", text) if text else b""

    def _end(self, event: Finished) -> bytes:
        reason = event.reasons[0]
        rest, stopped_by = without_stop(self._held, self._stops, reason)
        pieces = [self._grow("text", rest)] if rest else []
        if self._blocks < 0:
            pieces.append(self._begin("text", {"type": "text", "text": ""}))
        pieces.append(self._close())
        delta: dict[str, Any] = {"stop_reason": stop_reason(reason, stopped_by), "stop_sequence": stopped_by}
        last = {"type": "message_delta", "delta": delta, "usage": from_usage(event.usage)}
        pieces += [sse_event("message_delta", last), sse_event("message_stop", {"type": "message_stop"})]
        return b"".join(pieces)

    def _grow(self, kind: str, text: str) -> bytes:
        if self._open != kind:
            empty = {
                "text": {"type": "text", "text": ""},
                "thinking": {"type": "thinking", "thinking": "", "signature": ""},
            }
            return self._begin(kind, empty[kind]) + self._grow(kind, text)
        return self._before + orjson.dumps(text) + b"}}" + SSE_CLOSE

    def _begin(self, kind: str, block: dict[str, Any]) -> bytes:
        closed = self._close()
        self._blocks += 1
        self._open = kind
        name, field = _GROWING[kind]
        self._before = b'%b{"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":' % (
            _DELTA,
            self._blocks,
            name.encode(),
            field.encode(),
        )
        start = {"type": "content_block_start", "index": self._blocks, "content_block": block}
        return closed + sse_event("content_block_start", start)

    def _close(self) -> bytes:
        if self._open is None:
            return b""
        self._open = None
        return sse_event("content_block_stop", {"type": "content_block_stop", "index": self._blocks})

"""The words of /chat to ours and back. Pure.

A streamed reply is lines: {"delta": "..."} for each piece, and at the end {"done": true, ...} with all of ChatReply.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.dialects.chat.schemas import ChatRequest
from gateway.dialects.failures import Failure
from gateway.domain.generation import Finished, Sampling, TextDelta
from gateway.domain.ports import ChatEvent, Remembered, Turn
from modelyard.errors import GenerationBroken

# Our names of fields, and those of /chat where they are others.
NAMES = {"messages": "message"}


def to_turn(wire: ChatRequest) -> Turn:
    stop = (wire.stop,) if isinstance(wire.stop, str) else tuple(wire.stop or ())
    sampling = Sampling(
        max_tokens=wire.max_tokens,
        temperature=wire.temperature,
        top_p=wire.top_p,
        top_k=wire.top_k,
        min_p=wire.min_p,
        stop=stop or None,
        seed=wire.seed,
        presence_penalty=wire.presence_penalty,
        frequency_penalty=wire.frequency_penalty,
        repetition_penalty=wire.repetition_penalty,
    )
    return Turn(wire.user_id, wire.message, wire.model, sampling, bool(wire.stream))


class Reply:
    """Takes the events of a turn; gives the reply when the last has come."""

    def __init__(self, user_id: str) -> None:
        self._user_id = user_id
        self._model = ""
        self._pieces: list[str] = []
        self._finished: Finished | None = None
        self._turns = 0

    def take(self, event: ChatEvent) -> None:
        if isinstance(event, TextDelta):
            self._pieces.append(event.text)
        elif isinstance(event, Finished):
            self._finished = event
        elif isinstance(event, Remembered):
            self._turns = event.turns
        else:
            self._model = event.model

    def whole(self) -> dict[str, Any]:
        """The body of ChatReply. Raises GenerationBroken when the events ended early."""
        if self._finished is None:
            raise GenerationBroken
        usage = self._finished.usage
        return {
            "user_id": self._user_id,
            "model": self._model,
            "reply": "".join(self._pieces),
            "finish_reason": self._finished.reasons[0],
            "usage": {
                "prompt_tokens": usage.prompt_tokens,
                "completion_tokens": usage.completion_tokens,
                "total_tokens": usage.prompt_tokens + usage.completion_tokens,
            },
            "turns": self._turns,
        }


class ReplyLines:
    """The events of a turn as frames; `frame` is how a payload becomes one (NDJSON or a server-sent event)."""

    def __init__(self, user_id: str, frame: Callable[[object], bytes]) -> None:
        self._reply = Reply(user_id)
        self._frame = frame

    def line(self, event: ChatEvent) -> bytes:
        """The frame of an event; empty for one that shows only at the end."""
        self._reply.take(event)
        if isinstance(event, TextDelta):
            return self._frame({"delta": event.text})
        if isinstance(event, Remembered):
            return self._frame({"done": True, **self._reply.whole()})
        return b""


def from_failure(failure: Failure) -> dict[str, Any]:
    return {"error": {"message": failure.message, "code": failure.code, "field": failure.param}}

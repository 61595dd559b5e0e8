"""The output of a response while it comes: events in, items out. Pure.

Knows events and OpenAI's items; a stream's bytes are in events.py.
"""

from __future__ import annotations

from typing import Any, Literal

from gateway.dialects.openai.chat.translate import from_logprobs
from gateway.domain.generation import Finished, ReasoningDelta, TextDelta, TokenLogprob, ToolCallDelta

Kind = Literal["message", "function_call", "reasoning"]
Status = Literal["in_progress", "completed", "incomplete"]
_IDS = {"message": "msg", "function_call": "fc", "reasoning": "rs"}


class OutputItem:
    """One item, which grows; `index` is its place in the output."""

    def __init__(self, kind: Kind, stem: str, index: int, *, call_id: str = "", name: str = "") -> None:
        self.kind = kind
        self.id = f"{_IDS[kind]}_{stem}o{index}"
        self.index = index
        self.pieces: list[str] = []
        self.tokens: list[TokenLogprob] = []
        self._call_id = call_id
        self._name = name

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def part(self, logprobs: list[dict[str, Any]]) -> dict[str, Any]:
        """The one part of its content; a function_call has none."""
        if self.kind == "reasoning":
            return {"type": "reasoning_text", "text": self.text}
        return {"type": "output_text", "text": self.text, "annotations": [], "logprobs": logprobs}

    def opened(self) -> dict[str, Any]:
        return self._wire("in_progress", [])

    def whole(self, status: Status, logprobs: list[dict[str, Any]]) -> dict[str, Any]:
        return self._wire(status, [self.part(logprobs)])

    def _wire(self, status: Status, content: list[dict[str, Any]]) -> dict[str, Any]:
        head = {"id": self.id, "type": self.kind, "status": status}
        if self.kind == "function_call":
            return {**head, "call_id": self._call_id, "name": self._name, "arguments": self.text}
        if self.kind == "reasoning":
            return {**head, "summary": [], "content": content}
        return {**head, "role": "assistant", "content": content}


class Output:
    """The items in the order in which they came. `add` each delta; then `finish`."""

    def __init__(self, stem: str, *, top: int | None) -> None:
        """`top` alternatives are told of each token; None is no probabilities."""
        self._stem = stem
        self._top = top
        self.items: list[OutputItem] = []

    def add(self, event: TextDelta | ReasoningDelta | ToolCallDelta) -> bool:
        """Whether it began a new item, the last one now."""
        if isinstance(event, ToolCallDelta):
            begins = event.name is not None
            if begins:
                self._begin("function_call", call_id=event.id or "", name=event.name or "")
            self.items[-1].pieces.append(event.arguments)
            return begins
        kind: Kind = "message" if isinstance(event, TextDelta) else "reasoning"
        begins = not self.items or self.items[-1].kind != kind
        if begins:
            self._begin(kind)
        self.items[-1].pieces.append(event.text)
        if isinstance(event, TextDelta):
            self.items[-1].tokens.extend(event.logprobs)
        return begins

    def finish(self) -> bool:
        """Whether a new item was needed: an answer of nothing is an empty message."""
        if not self.items:
            self._begin("message")
            return True
        return False

    def logprobs(self, tokens: list[TokenLogprob] | tuple[TokenLogprob, ...]) -> list[dict[str, Any]]:
        if self._top is None or not tokens:
            return []
        named: list[dict[str, Any]] = from_logprobs(tokens, self._top)["content"]
        return named

    def whole(self, item: OutputItem, status: Status) -> dict[str, Any]:
        return item.whole(status, self.logprobs(item.tokens))

    def listed(self, event: Finished) -> list[dict[str, Any]]:
        """All items, of which the last is incomplete where the answer was cut."""
        last = len(self.items) - 1
        return [
            self.whole(item, last_status(event) if place == last else "completed")
            for place, item in enumerate(self.items)
        ]

    def _begin(self, kind: Kind, *, call_id: str = "", name: str = "") -> None:
        self.items.append(OutputItem(kind, self._stem, len(self.items), call_id=call_id, name=name))


def last_status(event: Finished) -> Literal["completed", "incomplete"]:
    return "incomplete" if event.reasons[0] == "length" else "completed"

"""The items of a response as the messages of a conversation, and as they are listed again. Pure.

Knows items and messages; does not know where earlier items come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gateway.dialects.openai.responses.items import (
    CallItem,
    CallOutputItem,
    ContentPart,
    Item,
    MessageItem,
    ReasoningItem,
)
from gateway.domain.content import Image, Message, Part, Text, ToolCall
from modelyard.errors import InvalidInput

_IDS = {"message": "msg", "function_call": "fc", "function_call_output": "fco", "reasoning": "rs"}


def to_messages(before: Sequence[Item], items: Sequence[Item], pictures: Sequence[bytes] = ()) -> list[Message]:
    """What an assistant thought, said and called, one after the other, is one message, as chat templates have it.

    `before` are the items of previous responses; `pictures` are what the addresses of all items led to.
    Raises InvalidInput for the result of a call that nobody asked for.
    """
    remaining = iter(pictures)
    messages: list[Message] = []
    turn = _Turn()
    names: dict[str, str] = {}
    for number, item in enumerate((*before, *items), start=-len(before)):
        if isinstance(item, ReasoningItem | CallItem) or (isinstance(item, MessageItem) and item.role == "assistant"):
            if turn.is_over_with(item):
                messages.append(turn.message())
                turn = _Turn()
            turn.add(item)
            if isinstance(item, CallItem):
                names[item.call_id] = item.name
            continue
        if not turn.is_empty:
            messages.append(turn.message())
            turn = _Turn()
        if isinstance(item, CallOutputItem):
            if item.call_id not in names:
                where = f"input[{number}].call_id"
                raise InvalidInput(f"'{where}' is of no function_call before it", field=where)
            name = item.name or names[item.call_id]
            messages.append(Message("tool", _parts(item.output, remaining), name, tool_call_id=item.call_id))
        elif isinstance(item, MessageItem):
            messages.append(Message(item.role, _parts(item.content, remaining)))
    if not turn.is_empty:
        messages.append(turn.message())
    return messages


def _parts(content: str | list[ContentPart], pictures: Iterator[bytes]) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Text(content),)
    return tuple(
        Image(next(pictures)) if part.image_url is not None else Text(part.text or part.refusal or "")
        for part in content
    )


class _Turn:
    """What an assistant thought, said and called."""

    def __init__(self) -> None:
        self._thoughts: list[str] = []
        self._parts: tuple[Part, ...] | None = None
        self._calls: list[ToolCall] = []

    @property
    def is_empty(self) -> bool:
        return not self._thoughts and self._parts is None and not self._calls

    def is_over_with(self, item: ReasoningItem | CallItem | MessageItem) -> bool:
        """Whether this is something that comes before what was already said."""
        if isinstance(item, ReasoningItem):
            return self._parts is not None or bool(self._calls)
        return isinstance(item, MessageItem) and (self._parts is not None or bool(self._calls))

    def add(self, item: ReasoningItem | CallItem | MessageItem) -> None:
        if isinstance(item, ReasoningItem):
            self._thoughts += [each.text for each in item.content or item.summary or ()]
        elif isinstance(item, MessageItem):
            self._parts = _parts(item.content, iter(()))  # an assistant shows no pictures
        else:
            self._calls.append(ToolCall(item.call_id, item.name, item.arguments or "{}"))

    def message(self) -> Message:
        reasoning = "\n".join(self._thoughts) or None
        return Message("assistant", self._parts or (), tool_calls=tuple(self._calls), reasoning=reasoning)


def to_listed(items: Sequence[Item], stem: str) -> list[dict[str, Any]]:
    """The items as they are stored and listed: each has an id, made with `stem` where the sender gave none."""
    return [_listed(item, item.id or f"{_IDS[item.type]}_{stem}i{place}") for place, item in enumerate(items)]


def _listed(item: Item, item_id: str) -> dict[str, Any]:
    listed = item.model_dump(exclude_none=True) | {"id": item_id, "status": item.status or "completed"}
    if isinstance(item, ReasoningItem):
        return {"summary": [], **listed}
    if isinstance(item, CallItem):
        return listed
    name = "output" if isinstance(item, CallOutputItem) else "content"
    if isinstance(listed[name], str):
        if isinstance(item, CallOutputItem):
            return listed
        listed[name] = [{"type": "output_text" if item.role == "assistant" else "input_text", "text": listed[name]}]
    for part in listed[name]:
        if part["type"] == "output_text":
            part.setdefault("annotations", [])
        elif part["type"] == "input_image":
            part.setdefault("detail", "auto")
    return listed

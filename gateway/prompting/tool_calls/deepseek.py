"""DeepSeek V3 and R1: a name and a fenced JSON object between marks of their own; V3.1 without the fence.

Knows this form only.
"""
# ruff: noqa: RUF001 - the marks are written with these letters

from __future__ import annotations

from collections.abc import Sequence

from gateway.domain.generation import Tool
from gateway.prompting.cursor import Cursor, Malformed, Reading
from gateway.prompting.output import Calls
from gateway.prompting.tool_calls.family import Family

_ALL, _ALL_END = "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"
_ONE, _ONE_END = "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>"
_SEPARATOR = "<｜tool▁sep｜>"


class DeepSeek(Family):
    name = "deepseek"
    openings = (_ALL, _ONE)

    def writes(self, template: str) -> bool:
        return _ONE in template

    def read(self, cursor: Cursor, calls: Calls, tools: Sequence[Tool]) -> Reading[None]:
        yield from cursor.take(_ALL)
        yield from cursor.space()
        yield from cursor.expect(_ONE)
        while True:
            yield from _read_one(cursor, calls)
            yield from cursor.space()
            if not (yield from cursor.take(_ONE)):
                break
        yield from cursor.take(_ALL_END)


def _read_one(cursor: Cursor, calls: Calls) -> Reading[None]:
    name = (yield from cursor.through(_SEPARATOR)).strip()
    fenced = (yield from cursor.peek()) != "{"
    if fenced:  # what stood in front was "function"
        name = (yield from cursor.through("\n")).strip()
        yield from cursor.take("```json")
        yield from cursor.space()
    if not name or (yield from cursor.peek()) != "{":
        raise Malformed
    calls.begin(name)
    yield from cursor.stream_value(calls.arguments)
    calls.end()
    yield from cursor.space()
    if fenced:
        yield from cursor.take("```")
        yield from cursor.space()
    yield from cursor.take(_ONE_END)

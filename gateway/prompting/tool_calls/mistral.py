"""Mistral: `[TOOL_CALLS][{"name": ..., "arguments": {...}}]`, and newer `[TOOL_CALLS]name[ARGS]{...}`, once a call.

Its templates want ids of nine letters and digits. Knows this form only.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.domain.generation import Tool
from gateway.prompting.cursor import Cursor, Reading
from gateway.prompting.output import Calls, short_call_id
from gateway.prompting.tool_calls.family import Family
from gateway.prompting.tool_calls.json_calls import read_calls


class Mistral(Family):
    name = "mistral"
    openings = ("[TOOL_CALLS]",)

    def new_id(self) -> str:
        return short_call_id()

    def writes(self, template: str) -> bool:
        return "[TOOL_CALLS]" in template

    def read(self, cursor: Cursor, calls: Calls, tools: Sequence[Tool]) -> Reading[None]:
        yield from cursor.expect(self.openings[0])
        yield from cursor.space()
        if (yield from cursor.peek()) in ("[", "{"):
            yield from read_calls(cursor, calls)
            return
        name = yield from cursor.name()
        if (yield from cursor.take("[CALL_ID]")):
            yield from cursor.name()
        yield from cursor.take("[ARGS]")
        yield from cursor.space()
        if (yield from cursor.peek()) != "{":
            yield from cursor.expect("{")
        calls.begin(name)
        yield from cursor.stream_value(calls.arguments)
        calls.end()

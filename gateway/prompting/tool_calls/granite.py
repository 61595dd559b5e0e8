"""Granite 3: `<|tool_call|>[{"name": ..., "arguments": {...}}]`, or the same after `<tool_call>`.

Knows this form only.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.domain.generation import Tool
from gateway.prompting.cursor import Cursor, Reading
from gateway.prompting.output import Calls
from gateway.prompting.tool_calls.family import Family
from gateway.prompting.tool_calls.json_calls import read_calls


class Granite(Family):
    name = "granite"
    openings = ("<|tool_call|>", "<tool_call>")

    def writes(self, template: str) -> bool:
        return "<|tool_call|>" in template

    def read(self, cursor: Cursor, calls: Calls, tools: Sequence[Tool]) -> Reading[None]:
        if not (yield from cursor.take("<|tool_call|>")):
            yield from cursor.expect("<tool_call>")
        yield from cursor.space()
        yield from read_calls(cursor, calls)
        yield from cursor.space()
        yield from cursor.take("</tool_call>")

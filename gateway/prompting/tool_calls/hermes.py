"""Hermes, Qwen 2.5 and 3, Granite 4, SmolLM 3: `<tool_call>{"name": ..., "arguments": {...}}</tool_call>`.

Knows this form only.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.domain.generation import Tool
from gateway.prompting.cursor import Cursor, Reading
from gateway.prompting.output import Calls
from gateway.prompting.tool_calls.family import Family
from gateway.prompting.tool_calls.json_calls import read_calls


class Hermes(Family):
    name = "hermes"
    openings = ("<tool_call>",)

    def writes(self, template: str) -> bool:
        # GLM has the same mark around something else.
        return "<tool_call>" in template and "<arg_key>" not in template

    def read(self, cursor: Cursor, calls: Calls, tools: Sequence[Tool]) -> Reading[None]:
        yield from cursor.expect(self.openings[0])
        yield from cursor.space()
        yield from read_calls(cursor, calls)
        yield from cursor.space()
        # A model that stops without it has called all the same.
        yield from cursor.take("</tool_call>")

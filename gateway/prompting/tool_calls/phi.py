"""Phi 4: `functools[{"name": ..., "arguments": {...}}]`, or `<|tool_call|>...<|/tool_call|>` around the same.

Knows this form only.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.domain.generation import Tool
from gateway.prompting.cursor import Cursor, Reading
from gateway.prompting.output import Calls
from gateway.prompting.tool_calls.family import Family
from gateway.prompting.tool_calls.json_calls import read_calls


class Phi(Family):
    name = "phi"
    openings = ("functools", "<|tool_call|>")

    def writes(self, template: str) -> bool:
        return "functools" in template or "<|/tool_call|>" in template or "<|/tool|>" in template

    def read(self, cursor: Cursor, calls: Calls, tools: Sequence[Tool]) -> Reading[None]:
        if (yield from cursor.take("<|tool_call|>")):
            yield from cursor.space()
            yield from cursor.take("functools")
        else:
            yield from cursor.expect("functools")
        yield from read_calls(cursor, calls)
        yield from cursor.space()
        yield from cursor.take("<|/tool_call|>")

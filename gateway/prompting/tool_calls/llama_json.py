"""Llama 3: the whole answer is `{"name": ..., "parameters": {...}}`, several with `;` between them, or after
`<|python_tag|>`.

Knows this form only.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.domain.generation import Tool
from gateway.prompting.cursor import Cursor, Reading
from gateway.prompting.output import Calls
from gateway.prompting.tool_calls.family import Family
from gateway.prompting.tool_calls.json_calls import read_call


class LlamaJson(Family):
    name = "llama_json"
    openings = ("<|python_tag|>",)
    first = "{"

    def writes(self, template: str) -> bool:
        return '"parameters"' in template and '"name"' in template

    def read(self, cursor: Cursor, calls: Calls, tools: Sequence[Tool]) -> Reading[None]:
        yield from cursor.take("<|python_tag|>")
        while True:
            yield from cursor.space()
            yield from read_call(cursor, calls, bare=True)
            yield from cursor.space()
            if not (yield from cursor.take(";")) and (yield from cursor.peek()) != "{":
                return
            yield from cursor.space()
            if not (yield from cursor.peek()):
                return

"""Gemma: FunctionGemma's and Gemma 4's `call:name{key:value}` between marks, and the fenced code of Gemma 3.

The values have quotes of their own, so they go out as JSON when a call is whole. Knows these forms only.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from gateway.domain.generation import Tool
from gateway.prompting.cursor import Cursor, Malformed, Reading
from gateway.prompting.output import Calls
from gateway.prompting.tool_calls.family import Family
from gateway.prompting.tool_calls.json_calls import read_calls
from gateway.prompting.tool_calls.pythonic import called

_DEEPEST = 64
_FORMS = {  # the opening, and its end and quotes
    "<start_function_call>": ("<end_function_call>", "<escape>"),
    "<|tool_call>": ("<tool_call|>", '<|"|>'),
}
_CODE, _JSON, _END = "```tool_code", "```json", "```"


class GemmaCalls(Family):
    name = "gemma"
    openings = tuple(_FORMS)

    def writes(self, template: str) -> bool:
        return any(opening in template for opening in self.openings)

    def read(self, cursor: Cursor, calls: Calls, tools: Sequence[Tool]) -> Reading[None]:
        opening = self.openings[0]
        if not (yield from cursor.take(opening)):
            opening = self.openings[1]
            yield from cursor.expect(opening)
        end, quote = _FORMS[opening]
        yield from cursor.expect("call:")
        name = yield from cursor.name()
        yield from cursor.expect("{")
        body = yield from cursor.through("}" + end)
        calls.whole(name, json.dumps(_Values("{" + body + "}", quote).read(), ensure_ascii=False))


class GemmaCode(Family):
    name = "gemma_code"
    openings = (_CODE, _JSON)
    special = False

    def writes(self, template: str) -> bool:
        return "tool_code" in template

    def read(self, cursor: Cursor, calls: Calls, tools: Sequence[Tool]) -> Reading[None]:
        if (yield from cursor.take(_JSON)):
            yield from cursor.space()
            yield from read_calls(cursor, calls, bare=True)
            yield from cursor.space()
            yield from cursor.take(_END)
            return
        yield from cursor.expect(_CODE)
        found = called((yield from cursor.through(_END)).strip())
        if not found:
            raise Malformed
        for name, arguments in found:
            calls.whole(name, arguments)


class _Values:
    """Reads the values of a text that is whole."""

    def __init__(self, text: str, quote: str) -> None:
        self._text = text
        self._quote = quote
        self._at = 0

    def read(self) -> Any:
        value = self._value(0)
        if self._at != len(self._text):
            raise Malformed
        return value

    def _value(self, depth: int) -> Any:
        if depth > _DEEPEST:
            raise Malformed
        if self._take("{"):
            found = {}
            while not self._take("}"):
                key = self._string() if self._take(self._quote) else self._bare(":")
                if not self._take(":"):
                    raise Malformed
                found[key] = self._value(depth + 1)
                self._take(",")
            return found
        if self._take("["):
            listed = []
            while not self._take("]"):
                listed.append(self._value(depth + 1))
                self._take(",")
            return listed
        if self._take(self._quote):
            return self._string()
        bare = self._bare(",}]")
        try:
            return json.loads(bare)
        except ValueError:
            return bare

    def _take(self, literal: str) -> bool:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1
        if not self._text.startswith(literal, self._at):
            return False
        self._at += len(literal)
        return True

    def _string(self) -> str:
        end = self._text.find(self._quote, self._at)
        if end < 0:
            raise Malformed
        found = self._text[self._at : end]
        self._at = end + len(self._quote)
        return found

    def _bare(self, ends: str) -> str:
        begun = self._at
        while self._at < len(self._text) and self._text[self._at] not in ends:
            self._at += 1
        if self._at == len(self._text) or self._at == begun:
            raise Malformed
        return self._text[begun : self._at].strip()

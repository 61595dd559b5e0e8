"""An answer's text as it comes, for readers that are generators: where they need more text than there is, they yield.

A reader sees one text, however it was cut, so what it finds cannot depend on the cuts. Knows JSON's outline; does not
know tool calls.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

_T = TypeVar("_T")
Reading = Generator[None, None, _T]

_OF_A_NAME = re.compile(r"[\w.\-]*")
_BRACKET_OR_QUOTE = re.compile(r'["{}\[\]]')
_SCALAR_ENDS = re.compile(r"[,}\]\s]")
_CLOSES = {"{": "}", "[": "]"}
_MORE, _WHOLE, _WRONG = range(3)  # what a piece of a value comes to


class Malformed(Exception):
    """What is read is not what it seemed to be, or ends too early: it is text."""


class Marks:
    """Finds the first of several texts, none of which is the beginning of another."""

    def __init__(self, marks: Iterable[str]) -> None:
        self._marks = tuple(dict.fromkeys(marks))
        self._firsts = "".join(dict.fromkeys(mark[0] for mark in self._marks))

    def find(self, text: str, at: int) -> tuple[int, str | None]:
        """The place of the first mark, and the mark; or the place up to which there is none and cannot be, and None."""
        while True:
            places = [place for first in self._firsts if (place := text.find(first, at)) >= 0]
            if not places:
                return len(text), None
            at = min(places)
            left = len(text) - at
            for mark in self._marks:
                if text.startswith(mark, at):
                    return at, mark
                if left < len(mark) and mark.startswith(text[at:]):
                    return at, None
            at += 1


class Cursor:
    """The text that has come and is not forgotten, and how far it is read."""

    def __init__(self) -> None:
        self.text = ""
        self.at = 0
        self.ended = False
        self.forgotten = 0  # characters in front of `text` that are settled

    def push(self, text: str) -> None:
        self.text += text

    def forget(self) -> None:
        """What is read is settled, and will not be given back. Places in `text` are new after it."""
        if self.at:
            self.forgotten += self.at
            self.text = self.text[self.at :]
            self.at = 0

    def peek(self) -> Reading[str]:
        """The next character; empty at the end."""
        while self.at >= len(self.text):
            if self.ended:
                return ""
            yield
        return self.text[self.at]

    def space(self) -> Reading[str]:
        """Goes over white space and gives it."""
        begun = self.at
        while (char := (yield from self.peek())) and char.isspace():
            self.at += 1
        return self.text[begun : self.at]

    def take(self, literal: str) -> Reading[bool]:
        """Goes over the literal if it is what comes."""
        while not self.text.startswith(literal, self.at):
            if self.ended or not literal.startswith(self.text[self.at :]):
                return False
            yield
        self.at += len(literal)
        return True

    def expect(self, literal: str) -> Reading[None]:
        if not (yield from self.take(literal)):
            raise Malformed

    def through(self, literal: str) -> Reading[str]:
        """Goes over the next of the literal, and gives what stands in front of it."""
        searched = self.at
        while (place := self.text.find(literal, searched)) < 0:
            if self.ended:
                raise Malformed
            searched = max(self.at, len(self.text) - len(literal) + 1)
            yield
        before = self.text[self.at : place]
        self.at = place + len(literal)
        return before

    def name(self) -> Reading[str]:
        """Letters, digits, '_', '.' and '-', at least one."""
        begun = end = self.at
        while True:
            found = _OF_A_NAME.match(self.text, end)
            end = found.end() if found else end
            if end < len(self.text) or self.ended:
                break
            yield
        self.at = end
        if begun == end:
            raise Malformed
        return self.text[begun:end]

    def string(self) -> Reading[str]:
        """A JSON string, decoded."""
        raw = yield from self.value(only='"')
        try:
            return str(json.loads(raw, strict=False))
        except ValueError:
            raise Malformed from None

    def value(self, only: str = "") -> Reading[str]:
        """The text of a JSON value; `only` has the characters that it may begin with."""
        pieces: list[str] = []
        yield from self.stream_value(pieces.append, only)
        return "".join(pieces)

    def stream_value(self, give: Callable[[str], None], only: str = "") -> Reading[None]:
        """Gives the text of a JSON value in pieces, as it comes. `give` may forget.

        Brackets and strings are followed; what stands between them is not looked at.
        """
        first = yield from self.peek()
        if not first or (only and first not in only):
            raise Malformed
        if first not in '{["':
            yield from self._stream_scalar(give)
            return
        expected: list[str] = []
        in_string = False
        begun = self.at
        while True:
            end, in_string, found = _over(self.text, self.at, expected, in_string)
            self.at = end
            if end > begun:
                give(self.text[begun:end])
            if found == _WHOLE:
                return
            begun = self.at
            if found == _WRONG or self.ended:
                raise Malformed
            yield

    def _stream_scalar(self, give: Callable[[str], None]) -> Reading[None]:
        begun = end = self.at
        while True:
            found = _SCALAR_ENDS.search(self.text, end)
            if found:
                end = found.start()
                break
            end = len(self.text)
            if self.ended:
                break
            yield
        if begun == end:
            raise Malformed
        self.at = end
        give(self.text[begun:end])


def _over(text: str, at: int, expected: list[str], in_string: bool) -> tuple[int, bool, int]:
    """As far as a value goes in this text: the place, whether that is in a string, and what was found.

    `expected` are the brackets that will close it, and grows and shrinks.
    """
    while True:
        if in_string:
            quote = text.find('"', at)
            escape = text.find("\\", at, quote if quote >= 0 else len(text))
            if escape >= 0:
                if escape + 1 >= len(text):
                    return escape, True, _MORE  # what is escaped has not come yet
                at = escape + 2
            elif quote < 0:
                return len(text), True, _MORE
            else:
                at, in_string = quote + 1, False
                if not expected:
                    return at, False, _WHOLE
            continue
        found = _BRACKET_OR_QUOTE.search(text, at)
        if found is None:
            return len(text), False, _MORE
        char, at = found[0], found.end()
        if char == '"':
            in_string = True
        elif char in _CLOSES:
            expected.append(_CLOSES[char])
        else:
            if not expected or expected.pop() != char:
                return at - 1, False, _WRONG
            if not expected:
                return at, False, _WHOLE

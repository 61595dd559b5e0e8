"""What every family says of itself, and the program that finds its calls in an answer.

Knows openings; does not know what stands behind them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from gateway.domain.generation import Tool
from gateway.prompting.cursor import Cursor, Marks, Reading
from gateway.prompting.output import Calls, Output, call_id
from gateway.prompting.reading import Program, attempt, copy_until


class Family(ABC):
    """`openings` are the texts that begin calls anywhere; `first` the characters that do so at the very beginning of
    the answer. `special`: the marks may be special tokens, which the engine must not leave out."""

    name: str
    openings: tuple[str, ...] = ()
    first = ""
    special = True

    def new_id(self) -> str:
        return call_id()

    @abstractmethod
    def writes(self, template: str) -> bool:
        """Whether a model with this chat template writes calls so."""

    @abstractmethod
    def read(self, cursor: Cursor, calls: Calls, tools: Sequence[Tool]) -> Reading[None]:
        """Reads calls from an opening on. Raises Malformed for what is none."""


def calls_program(family: Family, tools: Sequence[Tool], dropped: Sequence[str]) -> Program:
    """Text with calls in it."""
    unwanted = frozenset(dropped) - frozenset(family.openings)
    marks = Marks((*family.openings, *unwanted))

    def program(cursor: Cursor, output: Output, calls: Calls) -> Reading[None]:
        output.tidy = True
        if family.first:
            output.text((yield from cursor.space()))
            char = yield from cursor.peek()
            if char and char in family.first:
                yield from attempt(family.read(cursor, calls, tools), char, cursor, output)
        while True:
            mark = yield from copy_until(marks, cursor, output.text)
            if not mark:
                return
            if mark in unwanted:
                cursor.at += len(mark)
            else:
                yield from attempt(family.read(cursor, calls, tools), mark, cursor, output)

    return program

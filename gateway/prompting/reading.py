"""Reads the text of one sequence by a program, which is a generator over a cursor. Fits `AnswerParser` of the ports.

Knows deltas; does not know what the programs look for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from gateway.domain.generation import Event, FinishReason, TextDelta
from gateway.prompting.cursor import Cursor, Malformed, Marks, Reading
from gateway.prompting.output import Calls, Output

Program = Callable[[Cursor, Output, Calls], Reading[None]]


class AnswerReader:
    """Feeds a program, and hands on what it finds."""

    def __init__(self, program: Program, cursor: Cursor, output: Output, calls: Calls) -> None:
        self._cursor = cursor
        self._output = output
        self._program = program(cursor, output, calls)
        self._running = True

    def feed(self, delta: TextDelta) -> Sequence[Event]:
        if delta.logprobs:
            self._output.logprobs(delta.logprobs)
        if not self._running:
            self._output.text(delta.text)
            return self._output.take()
        self._cursor.push(delta.text)
        self._go_on()
        return self._output.take()

    def finish(self, reason: FinishReason) -> tuple[Sequence[Event], FinishReason]:
        """An answer that was cut off stays so, whatever was called before."""
        self._cursor.ended = True
        if self._running:
            self._go_on()
        self._output.close()
        return self._output.take(), "tool_calls" if self._output.called and reason == "stop" else reason

    def _go_on(self) -> None:
        try:
            next(self._program)
        except StopIteration:
            self._running = False
            self._output.text(self._cursor.text[self._cursor.at :])


def text_program(dropped: Iterable[str]) -> Program:
    """Text as it stands, without the special tokens that an engine was told to leave in it."""
    marks = Marks(dropped)

    def program(cursor: Cursor, output: Output, calls: Calls) -> Reading[None]:
        while True:
            mark = yield from copy_until(marks, cursor, output.text)
            if not mark:
                return
            cursor.at += len(mark)

    return program


def copy_until(marks: Marks, cursor: Cursor, give: Callable[[str], None]) -> Reading[str]:
    """Gives the text up to the first mark, which it does not go over; empty when the text ends before one."""
    while True:
        at, mark = marks.find(cursor.text, cursor.at)
        if mark is None and cursor.ended:
            at = len(cursor.text)
        if at > cursor.at:
            piece = cursor.text[cursor.at : at]
            cursor.at = at
            give(piece)
        cursor.forget()
        if mark is not None:
            return mark
        if cursor.ended:
            return ""
        yield


def attempt(read: Reading[None], opening: str, cursor: Cursor, output: Output) -> Reading[None]:
    """Reads a call from its opening on. What turns out to be none is text, from the last thing that was settled."""
    cursor.forget()
    settled = cursor.forgotten
    try:
        yield from read
    except Malformed:
        cursor.at = 0
        if cursor.forgotten == settled:
            output.text(opening)
            cursor.at = len(opening)
    cursor.forget()

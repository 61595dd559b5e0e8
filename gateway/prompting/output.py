"""The events that a reader of one sequence makes, and the calls among them.

White space beside a thought or a call is nobody's text. Knows events; does not know any model's form.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from gateway.domain.generation import Event, ReasoningDelta, TextDelta, TokenLogprob, ToolCallDelta
from gateway.prompting.cursor import Cursor, Malformed

Check = Callable[[Any], bool]


def call_id() -> str:
    return f"call_{secrets.token_hex(12)}"


def short_call_id() -> str:
    """Nine letters and digits, which is what Mistral's templates want."""
    return secrets.token_hex(5)[:9]


class Output:
    """Collects the events of sequence `index`. `split` False leaves thoughts in the text."""

    def __init__(self, index: int = 0, *, split: bool = True) -> None:
        self.index = index
        self.called = False
        self.split = split
        self._events: list[Event] = []
        self._logprobs: list[TokenLogprob] = []
        self._space = ""  # at the end of the text or of the thought so far; what comes next decides
        self._fresh = False  # after a thought or a call, where white space does not count
        self._thought = False
        self.tidy = False  # calls may come, so white space at an end is held back

    def logprobs(self, tokens: tuple[TokenLogprob, ...]) -> None:
        """Of the tokens that came; they go out with the next text, and those of thoughts and calls with nothing."""
        self._logprobs.extend(tokens)

    def text(self, piece: str) -> None:
        if self._fresh:
            piece = piece.lstrip()
            if not piece:
                self._logprobs.clear()
                return
            self._fresh = False
        if self.tidy:
            piece = self._hold(piece)
        if piece:
            self._events.append(TextDelta(piece, self.index, tuple(self._logprobs)))
            self._logprobs.clear()

    def reasoning(self, piece: str) -> None:
        if not self.split:
            self.text(piece)
            return
        if not self._thought:
            piece = piece.lstrip()
            self._thought = bool(piece)
        piece = self._hold(piece)
        if piece:
            self._events.append(ReasoningDelta(piece, self.index))
        self._logprobs.clear()

    def end_of_reasoning(self) -> None:
        if self.split:
            self._space = ""
            self._fresh = True
            self._thought = False
            self._logprobs.clear()

    def call(self, call: int, arguments: str, *, id: str | None = None, name: str | None = None) -> None:
        self.called = True
        self.after_call()
        self._events.append(ToolCallDelta(call, arguments, id=id, name=name, index=self.index))

    def after_call(self) -> None:
        self._space = ""
        self._fresh = True
        self._logprobs.clear()

    def close(self) -> None:
        """The text has ended: white space that was held back is text after all."""
        if self._space or self._logprobs:
            self._events.append(TextDelta(self._space, self.index, tuple(self._logprobs)))
            self._space = ""
            self._logprobs.clear()

    def take(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _hold(self, piece: str) -> str:
        body = piece.rstrip()
        if not body:
            self._space += piece
            return ""
        held, self._space = self._space, piece[len(body) :]
        return held + body


class Calls:
    """The calls of one sequence. What is begun is handed on at once, except for a function whose arguments are checked:
    such a call is handed on when it is whole and right, and is Malformed otherwise."""

    def __init__(
        self,
        cursor: Cursor,
        output: Output,
        *,
        parallel: bool = True,
        checks: Mapping[str, Check] | None = None,
        new_id: Callable[[], str] = call_id,
    ) -> None:
        self._cursor = cursor
        self._output = output
        self._parallel = parallel
        self._checks = checks or {}
        self._new_id = new_id
        self._count = 0  # of those that are handed on, also where they break off
        self._number = 0
        self._held: list[str] | None = None
        self._name = ""
        self._muted = False

    def begin(self, name: str) -> None:
        self._name = name
        self._muted = self._count > 0 and not self._parallel
        if name in self._checks:
            self._held = []
            return
        self._held = None
        self._open()

    def arguments(self, piece: str) -> None:
        if self._held is not None:
            self._held.append(piece)
            return
        if not self._muted:
            self._output.call(self._number, piece)
        self._cursor.forget()

    def end(self) -> None:
        if self._held is not None:
            arguments = "".join(self._held)
            try:
                right = self._checks[self._name](json.loads(arguments))
            except (ValueError, RecursionError):
                right = False
            if not right:
                raise Malformed
            self._held = None
            self._open()
            self.arguments(arguments)
        self._output.after_call()
        self._cursor.forget()

    def whole(self, name: str, arguments: str) -> None:
        """A call whose arguments are there already."""
        self.begin(name)
        self.arguments(arguments)
        self.end()

    def _open(self) -> None:
        if not self._muted:
            self._number = self._count
            self._count += 1
            self._output.call(self._number, "", id=self._new_id(), name=self._name)
        self._cursor.forget()

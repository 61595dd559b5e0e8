"""Cutting a text at the first stop string, however the text is cut into pieces on its way.

Knows text; does not know tokens.
"""

from __future__ import annotations

from collections.abc import Sequence


class StopStrings:
    """Feed pieces, get what is safe to show; a stop string is never shown, not even its beginning.

    The stop string that is complete first wins, and of those that are complete at the same place the longest.
    """

    def __init__(self, stops: Sequence[str], *, include: bool = False) -> None:
        self._stops = tuple(stops)
        self._include = include
        self._longest = max(map(len, stops), default=0)
        self._held = ""
        self.matched = False

    def push(self, piece: str) -> str:
        """What may be shown now. After a match nothing more is."""
        if self.matched:
            return ""
        text = self._held + piece
        if cut := self._first_match(text):
            self.matched = True
            self._held = ""
            start, end = cut
            return text[: end if self._include else start]
        safe = len(text) - self._beginning_at_the_end(text)
        self._held = text[safe:]
        return text[:safe]

    def flush(self) -> str:
        """The text that was held back; it is over and no stop string came of it."""
        held, self._held = self._held, ""
        return held

    def _first_match(self, text: str) -> tuple[int, int] | None:
        found = ((text.find(stop), len(stop)) for stop in self._stops)
        spans = [(start + length, start) for start, length in found if start >= 0]
        if not spans:
            return None
        end, start = min(spans)
        return start, end

    def _beginning_at_the_end(self, text: str) -> int:
        """How many characters at the end could begin a stop string."""
        for length in range(min(self._longest - 1, len(text)), 0, -1):
            tail = text[-length:]
            if any(stop.startswith(tail) for stop in self._stops):
                return length
        return 0

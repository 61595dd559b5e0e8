"""Token ids to text, piece by piece, so that the pieces together are the text of all ids.

Knows ids and text; does not know stop strings or requests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

_UNFINISHED = "\ufffd"

# Ids decoded again with each piece. Every clean border could end the window, but moving it costs a decode as well.
_WINDOW = 16


class Detokenizer:
    """Feed ids, get the text that cannot change any more.

    A token may end inside a character, and a tokenizer may treat the first token of a text specially. So a window of
    the last ids is decoded as a whole, each time from a place where the text was clean, and what is new is returned.
    """

    def __init__(self, decode: Callable[[list[int]], str]) -> None:
        self._decode = decode
        self._ids: list[int] = []  # the window: some ids for context, then the new ones
        self._clean = 0  # ids of the window before the last clean border
        self._text = ""  # the window's text at the last push
        self._given = 0  # characters of it that were returned

    def push(self, ids: Iterable[int]) -> str:
        """The text that these ids add, without a character that is not complete."""
        self._ids += ids
        self._text = self._decode(self._ids)
        settled = self._text.rstrip(_UNFINISHED)
        piece = settled[self._given :]
        self._given = max(self._given, len(settled))
        if len(settled) == len(self._text):
            self._move()
        return piece

    def flush(self) -> str:
        """What was held back; the ids are over."""
        piece = self._text[self._given :]
        self._given = len(self._text)
        return piece

    def _move(self) -> None:
        if len(self._ids) >= _WINDOW:
            # The ids since the border before stay as the context of the next, unless they are all special tokens:
            # then the next one would look like the first of a text and could lose its leading space.
            context = self._ids[self._clean :]
            if text := self._decode(context):
                self._ids, self._text, self._given = context, text, len(text)
        self._clean = len(self._ids)

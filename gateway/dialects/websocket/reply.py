"""The answer to one request as numbered pieces, kept until the client has them or nobody can come back for them.

Knows pieces and numbers; does not know connections.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

_UNSENT = 256 * 2**10  # bytes that wait for a slow reader, before the engine has to wait for it too
_MERGED = 16 * 2**10  # characters of text in one frame, however many pieces they were
_PIECE = 400  # bytes that a piece takes beside its text
_CONTAINER = 200  # bytes that a list or an object takes beside what is in it
_NOT_KEPT = {
    "status": 503,
    "code": "not_kept",
    "message": "the answer was not read and takes more memory than a session has; read or acknowledge answers, or ask "
    "for fewer at once",
    "param": None,
}


class Piece(NamedTuple):
    """`kind` is the type of its message; pieces of text have a `text` and go into one frame with their neighbours."""

    kind: str
    fields: dict[str, Any]
    text: str | None
    size: int


class Reply:
    """Pieces are numbered from 1. `sent` is the number of the last one that was handed to a connection.

    `news` is set at each piece. `keeps` is told how many bytes more are kept, or less.
    """

    def __init__(self, key: str, news: asyncio.Event, keeps: Callable[[int], None] = lambda more_or_less: None) -> None:
        self.key = key
        self._news = news
        self._keeps = keeps
        self._ended = False
        self._forgotten = False
        self.sent = 0
        self._pieces: list[Piece] = []
        self._dropped = 0  # pieces at the beginning that are not kept any more
        self._unsent = 0
        self._room = asyncio.Event()
        self._room.set()

    @property
    def last(self) -> int:
        return self._dropped + len(self._pieces)

    async def add(self, kind: str, fields: dict[str, Any], *, text: str | None = None) -> None:
        """One more piece; waits first while too much is unsent."""
        await self._room.wait()
        self.put(kind, fields, text=text)

    def put(self, kind: str, fields: dict[str, Any], *, text: str | None = None) -> None:
        """One more piece, which has room whatever waits."""
        piece = Piece(kind, fields, text, len(text) if text is not None else _size(fields))
        self._pieces.append(piece)
        self._count(piece.size)
        self._news.set()
        self._keeps(piece.size + _PIECE)

    def end(self, kind: str, fields: dict[str, Any]) -> None:
        """The last piece, unless there is one already."""
        if not self._ended:
            self._ended = True
            self.put(kind, fields)

    def next_message(self) -> dict[str, Any] | None:
        """The next message for the connection, as many pieces of text in it as fit; None when all is sent."""
        if self.sent == self.last:
            return None
        first = self._pieces[self.sent - self._dropped]
        self._take(first)
        message = {"type": first.kind, "id": self.key, **first.fields}
        if first.text is not None:
            texts, length = [first.text], len(first.text)
            while self.sent < self.last and length < _MERGED:
                piece = self._pieces[self.sent - self._dropped]
                if piece.text is None or piece.kind != first.kind or piece.fields != first.fields:
                    break
                texts.append(piece.text)
                length += len(piece.text)
                self._take(piece)
            message["text"] = "".join(texts)
        message["seq"] = self.sent
        return message

    def go_back_to(self, seen: int) -> bool:
        """Send again all after `seen`; False when some of that is not kept any more, or was never there."""
        if not self._dropped <= seen <= self.last:
            return False
        self._count(sum(piece.size for piece in self._pieces[seen - self._dropped : self.sent - self._dropped]))
        self.sent = seen
        return True

    def acknowledge(self, seen: int) -> None:
        """Forget pieces that were sent and have arrived."""
        arrived = min(seen, self.sent) - self._dropped
        if arrived > 0:
            gone = self._pieces[:arrived]
            del self._pieces[:arrived]
            self._dropped += arrived
            self._keeps(-sum(piece.size + _PIECE for piece in gone))

    def forget(self) -> None:
        """Keep nothing of a reply that has ended. Where something was not sent, an error is its end instead."""
        if self._forgotten:
            return
        self._forgotten = True
        unsent = self.last - self.sent
        for piece in self._pieces[len(self._pieces) - unsent :]:
            self._take(piece)
        self.acknowledge(self.sent)
        if unsent:
            self.put("error", {"error": _NOT_KEPT})

    def _take(self, piece: Piece) -> None:
        self.sent += 1
        self._count(-piece.size)

    def _count(self, size: int) -> None:
        self._unsent += size
        if self._unsent > _UNSENT:
            self._room.clear()
        else:
            self._room.set()


def _size(value: Any) -> int:
    """About the bytes that it takes in memory."""
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, dict):
        return _CONTAINER + sum(map(_size, value.values()))
    return _CONTAINER + sum(map(_size, value)) if isinstance(value, list) else 0

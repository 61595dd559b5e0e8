"""The answer to one request as numbered pieces, kept until the client has them or nobody can come back for them.

Knows pieces and numbers; does not know connections.
"""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

_UNSENT = 256 * 2**10  # bytes that wait for a slow reader, before the engine has to wait for it too
_MERGED = 16 * 2**10  # characters of text in one frame, however many pieces they were


class Piece(NamedTuple):
    """`kind` is the type of its message; pieces of text have a `text` and go into one frame with their neighbours."""

    kind: str
    fields: dict[str, Any]
    text: str | None
    size: int


class Reply:
    """Pieces are numbered from 1. `sent` is the number of the last one that was handed to a connection.

    `news` is set at each piece.
    """

    def __init__(self, key: str, news: asyncio.Event) -> None:
        self.key = key
        self._news = news
        self.done = False
        self.sent = 0
        self._pieces: list[Piece] = []
        self._dropped = 0  # pieces at the beginning that were acknowledged
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
        """One more piece, which has room whatever waits: an end, of which there is one."""
        size = len(text) if text is not None else 256 + sum(len(value) for value in _blobs(fields))
        self._pieces.append(Piece(kind, fields, text, size))
        self._count(size)
        self._news.set()

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
        """Send again all after `seen`; False when some of that was acknowledged, or was never there."""
        if not self._dropped <= seen <= self.last:
            return False
        self._count(sum(piece.size for piece in self._pieces[seen - self._dropped : self.sent - self._dropped]))
        self.sent = seen
        return True

    def acknowledge(self, seen: int) -> None:
        """Forget pieces that were sent and have arrived."""
        arrived = min(seen, self.sent) - self._dropped
        if arrived > 0:
            del self._pieces[:arrived]
            self._dropped += arrived

    def _take(self, piece: Piece) -> None:
        self.sent += 1
        self._count(-piece.size)

    def _count(self, size: int) -> None:
        self._unsent += size
        if self._unsent > _UNSENT:
            self._room.clear()
        else:
            self._room.set()


def _blobs(fields: dict[str, Any]) -> list[bytes]:
    return [blob for value in fields.values() if isinstance(value, list) for blob in value if isinstance(blob, bytes)]

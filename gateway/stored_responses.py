"""Responses that are kept so that a later request can go on from them: who keeps them, and keeping them in memory.

Knows bytes and names; does not know what a response says, nor HTTP.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

_BOOKKEEPING = 64  # bytes that Python needs for one more object or one more place in a tuple, rounded up


@dataclass(frozen=True)
class StoredResponse:
    """`response` and each of `items` are JSON. The items are all that the model was shown, those of the responses
    before it included: a response is whole without them. The same bytes may be items of several."""

    id: str
    response: bytes
    items: tuple[bytes, ...]


class StoredResponses(Protocol):
    """`keeps` is false where nothing is ever kept. A response may go at any time to make room."""

    keeps: bool

    async def keep(self, stored: StoredResponse) -> None: ...

    async def find(self, response_id: str) -> StoredResponse | None: ...

    async def forget(self, response_id: str) -> bool:
        """Whether there was one."""
        ...


class InMemoryResponses:
    """Fits `StoredResponses`. Beyond `most` or `most_bytes` the least recently used go; the newest always stays."""

    def __init__(self, *, most: int, most_bytes: int) -> None:
        self.keeps = most > 0
        self._most = most
        self._most_bytes = most_bytes
        self._stored: OrderedDict[str, StoredResponse] = OrderedDict()
        # How many responses hold an item, by its identity: what several share takes its room once.
        self._holders: dict[int, int] = {}
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._stored)

    async def keep(self, stored: StoredResponse) -> None:
        if not self.keeps:
            return
        self._drop(stored.id)
        self._stored[stored.id] = stored
        self.bytes += _own_bytes(stored) + sum(map(len, self._hold(stored.items)))
        while len(self._stored) > self._most or (self.bytes > self._most_bytes and len(self._stored) > 1):
            self._drop(next(iter(self._stored)))

    async def find(self, response_id: str) -> StoredResponse | None:
        found = self._stored.get(response_id)
        if found is not None:
            self._stored.move_to_end(response_id)
        return found

    async def forget(self, response_id: str) -> bool:
        return self._drop(response_id)

    def _drop(self, response_id: str) -> bool:
        stored = self._stored.pop(response_id, None)
        if stored is None:
            return False
        self.bytes -= _own_bytes(stored) + sum(map(len, self._let_go(stored.items)))
        return True

    def _hold(self, items: Iterable[bytes]) -> Iterable[bytes]:
        """Those that nobody held before."""
        for item in items:
            holders = self._holders.get(id(item), 0)
            self._holders[id(item)] = holders + 1
            if not holders:
                yield item

    def _let_go(self, items: Iterable[bytes]) -> Iterable[bytes]:
        """Those that nobody holds now."""
        for item in items:
            self._holders[id(item)] -= 1
            if not self._holders[id(item)]:
                del self._holders[id(item)]
                yield item


def _own_bytes(stored: StoredResponse) -> int:
    return len(stored.response) + _BOOKKEEPING * (1 + len(stored.items))

"""What /chat remembers of each user: the last turns, for so many users, in this process.

Behind a protocol, since several gateways side by side will want it in Redis. Knows turns; does not know who answers.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple, Protocol

from modelyard.errors import Overloaded

_MAX_WAITING = 16  # messages of one user that wait for one another


class Exchange(NamedTuple):
    """A question and its answer."""

    question: str
    answer: str


class Conversation(Protocol):
    """One user's, held by one request at a time."""

    @property
    def exchanges(self) -> Sequence[Exchange]: ...

    def remember(self, exchange: Exchange) -> int:
        """Add a turn, forgetting the oldest beyond the limit; how many there are now."""
        ...


class Conversations(Protocol):
    """All users'. `held` waits until no other request holds the user's conversation."""

    def held(self, user_id: str) -> AbstractAsyncContextManager[Conversation]: ...

    async def forget(self, user_id: str) -> None: ...


class _InMemory:
    def __init__(self, turns: int) -> None:
        self._turns = turns
        self.exchanges: tuple[Exchange, ...] = ()
        self.lock = asyncio.Lock()
        self.holders = 0

    def remember(self, exchange: Exchange) -> int:
        kept = (*self.exchanges, exchange)
        self.exchanges = kept[len(kept) - min(self._turns, len(kept)) :]
        return len(self.exchanges)


class InMemoryConversations:
    """Conversations of this process. The least recently used is forgotten beyond `users`, but never one in use."""

    def __init__(self, *, turns: int, users: int) -> None:
        self._turns = turns
        self._users = users
        self._of: OrderedDict[str, _InMemory] = OrderedDict()

    def __len__(self) -> int:
        return len(self._of)

    @asynccontextmanager
    async def held(self, user_id: str) -> AsyncIterator[Conversation]:
        conversation = self._of.get(user_id)
        if conversation is None:
            conversation = self._of[user_id] = _InMemory(self._turns)
        if conversation.holders > _MAX_WAITING:
            raise Overloaded(_MAX_WAITING)
        self._of.move_to_end(user_id)
        conversation.holders += 1
        try:
            async with conversation.lock:
                yield conversation
        finally:
            conversation.holders -= 1
            self._shrink()

    async def forget(self, user_id: str) -> None:
        conversation = self._of.get(user_id)
        if conversation is None:
            return
        # Kept while it is held, so that an answer in progress and the next message still take turns.
        async with self.held(user_id) as held:
            if isinstance(held, _InMemory):
                held.exchanges = ()

    def _shrink(self) -> None:
        """Forget what is empty and nobody's, and the least recently used beyond the limit."""
        for user_id, conversation in list(self._of.items()) if len(self._of) > self._users else ():
            if conversation.holders == 0:
                del self._of[user_id]
                if len(self._of) <= self._users:
                    return

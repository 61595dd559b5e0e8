"""Sessions: the requests of one client, which go on for a minute without a connection and are then given up.

Knows replies and their work; does not know frames.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from gateway.dialects.websocket.reply import Reply
from modelyard.errors import InvalidInput, Overloaded

RESUME_S = 60.0  # how long a session waits for its client, and a finished reply to be asked for again
_AT_ONCE = 64  # requests of one session in progress

Work = Callable[[Reply], Coroutine[Any, Any, None]]


class Session:
    """`news` is set when there may be something to send."""

    def __init__(self, forget: Callable[[Session], None]) -> None:
        self.key = secrets.token_urlsafe(24)
        self.news = asyncio.Event()
        self.replies: dict[str, Reply] = {}
        self.take_over: Callable[[], None] | None = None  # ends the connection that the session has now
        self._work: dict[str, asyncio.Task[None]] = {}
        self._forget = forget
        self._expiry: asyncio.TimerHandle | None = None

    def start(self, key: str, work: Work) -> None:
        """Begin a request. Raises InvalidInput for an id that is taken, Overloaded when too many are in progress."""
        if key in self.replies:
            raise InvalidInput(f"the id '{key}' is taken by another request of this session", field="id")
        if len(self._work) >= _AT_ONCE:
            raise Overloaded(_AT_ONCE)
        reply = self.replies[key] = Reply(key, self.news)
        task = asyncio.create_task(work(reply), name=f"websocket {key}")
        self._work[key] = task
        task.add_done_callback(lambda _: self._done(reply))

    def cancel(self, key: str) -> bool:
        """Whether there was something to cancel."""
        task = self._work.get(key)
        return task is not None and task.cancel()

    def running(self) -> dict[str, int]:
        """The requests that can be gone on with, each with the number of its last piece."""
        return {key: reply.last for key, reply in self.replies.items()}

    def attach(self, seen: Mapping[str, int], take_over: Callable[[], None]) -> list[str]:
        """A connection is there, the one before it is not any more; the ids whose pieces after `seen` are gone."""
        if self.take_over is not None:
            self.take_over()
        self.take_over = take_over
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        lost = [key for key, reply in self.replies.items() if not reply.go_back_to(seen.get(key, 0))]
        lost += [key for key in seen if key not in self.replies]
        self.news.set()
        return lost

    def detach(self, take_over: Callable[[], None]) -> None:
        """The connection is gone; its requests go on for a while."""
        if self.take_over is take_over:
            self.take_over = None
            self._expiry = asyncio.get_running_loop().call_later(RESUME_S, self._forget, self)

    async def close(self) -> None:
        """End all work."""
        if self._expiry is not None:
            self._expiry.cancel()
        tasks = list(self._work.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _done(self, reply: Reply) -> None:
        reply.done = True
        self._work.pop(reply.key, None)
        self.news.set()
        asyncio.get_running_loop().call_later(RESUME_S, self._drop, reply)

    def _drop(self, reply: Reply) -> None:
        # What a slow reader has not had yet is kept for it.
        if reply.sent == reply.last:
            self.replies.pop(reply.key, None)
        elif reply.key in self.replies:
            asyncio.get_running_loop().call_later(RESUME_S, self._drop, reply)


class Sessions:
    """All sessions of this gateway, at most `limit`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._sessions: dict[str, Session] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def open(self) -> Session:
        """A new session. Raises Overloaded."""
        if len(self._sessions) >= self._limit:
            raise Overloaded(self._limit)
        session = Session(self._give_up)
        self._sessions[session.key] = session
        return session

    def find(self, key: str) -> Session | None:
        return self._sessions.get(key)

    async def close(self) -> None:
        for session in list(self._sessions.values()):
            await session.close()
        self._sessions.clear()

    def _give_up(self, session: Session) -> None:
        self._sessions.pop(session.key, None)
        closing = asyncio.get_running_loop().create_task(session.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

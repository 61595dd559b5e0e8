"""Sessions: the requests of one client, which go on for a minute without a connection and are then given up.

Knows replies and their work; does not know frames.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

from gateway.dialects.websocket.reply import Reply
from modelyard.errors import InvalidInput, Overloaded

RESUME_S = 60.0  # how long a session waits for its client, and a finished reply to be asked for again
_AT_ONCE = 64  # requests of one session in progress
_MOST_REPLIES = 1024  # of one session, as many as a resume can name
_MOST_BYTES = 64 * 2**20  # kept of one session's replies; ten pictures of 1024x1024 are about 20 MiB

Work = Callable[[Reply], Coroutine[Any, Any, None]]


class Window(Protocol):
    """The time in which a client may come back."""

    def cancel(self) -> None: ...


Windows = Callable[[Callable[[], None]], Window]  # opens one; what it is given is called when the window closes


def _for_a_minute(closes: Callable[[], None]) -> Window:
    return asyncio.get_running_loop().call_later(RESUME_S, closes)


class Session:
    """`news` is set when there may be something to send."""

    def __init__(
        self, forget: Callable[[Session], None], *, windows: Windows = _for_a_minute, most_bytes: int = _MOST_BYTES
    ) -> None:
        self.key = secrets.token_urlsafe(24)
        self.news = asyncio.Event()
        self.replies: dict[str, Reply] = {}
        self.take_over: Callable[[], None] | None = None  # ends the connection that the session has now
        self._work: dict[str, asyncio.Task[None]] = {}
        self._forget = forget
        self._open_window = windows
        self._expiry: Window | None = None
        self._finished: dict[str, Window | None] = {}  # in the order of their ends; None while nobody is connected
        self._most_bytes = most_bytes
        self._bytes = 0
        self._makes_room = False

    def start(self, key: str, work: Work) -> None:
        """Begin a request. Raises InvalidInput for an id that is taken, Overloaded when too many are in progress."""
        if key in self.replies:
            raise InvalidInput(f"the id '{key}' is taken by another request of this session", field="id")
        if len(self._work) >= _AT_ONCE:
            raise Overloaded(_AT_ONCE)
        if len(self.replies) >= _MOST_REPLIES and not self._drop_the_oldest():
            raise Overloaded(_MOST_REPLIES)
        reply = self.replies[key] = Reply(key, self.news, self._keep)
        task = asyncio.create_task(work(reply), name=f"websocket {key}")
        self._work[key] = task
        task.add_done_callback(lambda _: self._done(reply, task))

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
        for key in self._finished:
            # This connection may break like the one before it.
            self._wait(key)
        self.news.set()
        return lost

    def detach(self, take_over: Callable[[], None]) -> None:
        """The connection is gone; its requests go on for a while, and what it was sent may not have arrived."""
        if self.take_over is take_over:
            self.take_over = None
            for key in self._finished:
                self._stop_waiting(key)
            self._expiry = self._open_window(lambda: self._forget(self))

    async def close(self) -> None:
        """End all work."""
        if self._expiry is not None:
            self._expiry.cancel()
        for key in self._finished:
            self._stop_waiting(key)
        tasks = list(self._work.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _done(self, reply: Reply, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            # Its work has not said so when it was cancelled before it began.
            reply.end("done", {"finish_reasons": ["cancelled"]})
        self._work.pop(reply.key, None)
        self._finished[reply.key] = None
        self._make_room()
        if self.take_over is not None:
            self._wait(reply.key)
        self.news.set()

    def _wait(self, key: str) -> None:
        """Keep a finished reply for one window from now."""
        self._stop_waiting(key)
        self._finished[key] = self._open_window(lambda: self._waited(key))

    def _stop_waiting(self, key: str) -> None:
        if (window := self._finished[key]) is not None:
            window.cancel()
        self._finished[key] = None

    def _waited(self, key: str) -> None:
        # What a slow reader has not had yet is kept for it.
        if self._is_sent(key):
            self._drop(key)
        else:
            self._wait(key)

    def _is_sent(self, key: str) -> bool:
        reply = self.replies[key]
        return reply.sent == reply.last

    def _drop(self, key: str) -> None:
        self._stop_waiting(key)
        del self._finished[key]
        self.replies.pop(key).forget()

    def _drop_the_oldest(self) -> bool:
        key = next((key for key in self._finished if self._is_sent(key)), None)
        if key is not None:
            self._drop(key)
        return key is not None

    def _keep(self, more_or_less: int) -> None:
        self._bytes += more_or_less
        if more_or_less > 0:
            self._make_room()

    def _make_room(self) -> None:
        if self._bytes > self._most_bytes and not self._makes_room:
            self._makes_room = True  # what is forgotten leaves an error, which takes a little again
            self._forget_the_oldest()
            self._makes_room = False

    def _forget_the_oldest(self) -> None:
        """What was sent and may have to be sent again, of finished replies first; then what nobody reads."""
        sent = [self.replies[key] for key in self._finished if self._is_sent(key)]
        for reply in (*sent, *self.replies.values()):
            if self._bytes <= self._most_bytes:
                return
            reply.acknowledge(reply.sent)
        # Not the last one, which alone may be larger than all that is to be kept.
        for key in list(self._finished)[:-1]:
            if self._bytes <= self._most_bytes:
                return
            if not self._is_sent(key):
                self.replies[key].forget()


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

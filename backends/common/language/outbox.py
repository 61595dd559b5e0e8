"""A queue of things to attend to, each in the hands of one thread at a time and queued at most once.

Knows nothing of what it holds.
"""

from __future__ import annotations

import collections
import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Outbox(Generic[T]):
    """`put` from any thread; `take` and `done` in turn by those that attend."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: collections.deque[T] = collections.deque()
        self._queued: set[T] = set()
        self._taken: set[T] = set()
        self._closed = False

    def put(self, items: set[T]) -> None:
        """Have each attended to, once more if it is in somebody's hands right now."""
        with self._changed:
            for item in items - self._queued:
                self._queued.add(item)
                if item not in self._taken:
                    self._queue.append(item)
                    self._changed.notify()

    def take(self) -> T | None:
        """The next, or None when the box is closed and empty."""
        with self._changed:
            while not self._queue and not self._closed:
                self._changed.wait()
            if not self._queue:
                return None
            item = self._queue.popleft()
            self._queued.discard(item)
            self._taken.add(item)
            return item

    def done(self, item: T) -> None:
        with self._changed:
            self._taken.discard(item)
            if item in self._queued:
                self._queue.append(item)
                self._changed.notify()

    def close(self) -> None:
        """Let those that wait go, once everything has been attended to."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

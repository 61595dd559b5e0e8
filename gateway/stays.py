"""One stay of a model in memory: who uses it, how long it is kept when nobody does, and when that is over.

Counts and keeps time; does not know how a model is loaded, nor what it is evicted for.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

_LONGEST_S = 1e8  # three years; an event loop's clock does not go much further


class Stay:
    """From the wish to load a model until it is unloaded. A model that is loaded again begins another stay.

    `owned`: this gateway had it loaded, and so may unload it by itself; what was there before is its owner's, until a
    request says how long it wants it. `on_over` is called when the stay has been idle for its time.
    """

    def __init__(self, model: str, keep_alive_s: float, on_over: Callable[[Stay], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_over = on_over
        self._timer: asyncio.TimerHandle | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._idle_since = self._loop.time()
        self._keep_alive_s = _bounded(keep_alive_s)
        self._asked_for_a_time = False
        self.model = model
        self.owned = False
        self.has_room = False  # counts among those in memory
        self.memory = 0  # bytes that it was estimated to take
        self.size: int | None = None
        self.requests = 0
        self.waiting = 0  # those of the requests that wait for the load
        self.used = self._idle_since
        self.loaded: datetime | None = None
        self.loaded_at = 0.0  # the same on the loop's clock
        self.load: asyncio.Task[None] | None = None
        self.departure: asyncio.Task[Exception | None] | None = None
        self.gone = asyncio.Event()

    def enter(self, keep_alive_s: float | None) -> None:
        """A request begins. The time that it names holds until another one names one, as Ollama's does."""
        self.requests += 1
        self.used = self._loop.time()
        if self.requests == 1:
            self._idle.clear()
        if keep_alive_s is not None:
            self._asked_for_a_time = True
            self._keep_alive_s = _bounded(keep_alive_s)

    def leave(self) -> None:
        """A request is over, however it went."""
        self.requests -= 1
        self.used = self._loop.time()
        if self.requests == 0:
            self._idle.set()
            self.rest()

    def settle(self, keep_alive_s: float) -> None:
        """The load is done; this is the model's own time, for when no request has named one."""
        self.loaded = datetime.now(timezone.utc)
        self.loaded_at = self._loop.time()
        if not self._asked_for_a_time:
            self._keep_alive_s = _bounded(keep_alive_s)
        if self.requests == 0:
            self.rest()

    def rest(self) -> None:
        """Nobody uses it: from now on its time runs."""
        self._idle_since = self._loop.time()
        if self.loaded is None or self.departure is not None or not self._runs_out:
            return
        due = self._idle_since + self._keep_alive_s
        # One timer for many requests: it looks at the time that counts when it goes off.
        if self._timer is not None:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._look)

    @property
    def expires(self) -> datetime | None:
        """When it will be over if nobody asks for it; None is never."""
        if not self._runs_out:
            return None
        since = self._idle_since if self.requests == 0 else self._loop.time()
        left = since + self._keep_alive_s - self._loop.time()
        return datetime.now(timezone.utc) + timedelta(seconds=left)

    @property
    def _runs_out(self) -> bool:
        return (self.owned or self._asked_for_a_time) and self._keep_alive_s != math.inf

    async def until_idle(self) -> None:
        await self._idle.wait()

    def stop(self) -> None:
        """No timer goes off any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if self.requests or self.departure is not None:
            return  # the end of the last request looks again
        if self._loop.time() < self._idle_since + self._keep_alive_s:
            self._timer = self._loop.call_at(self._idle_since + self._keep_alive_s, self._look)
        else:
            self._on_over(self)


def _bounded(keep_alive_s: float) -> float:
    return keep_alive_s if 0 <= keep_alive_s <= _LONGEST_S else math.inf

"""Who may ask now: a bounded number of requests at once, and none that is new while the gateway drains.

Counts; does not know what a request is.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

from modelyard.errors import EngineUnavailable, Overloaded


class Admission:
    """`with admission.slot():` holds one of `limit` places. Raises Overloaded, or EngineUnavailable while draining."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._idle = asyncio.Event()
        self._idle.set()
        self.in_flight = 0
        self.draining = False

    def slot(self) -> _Slot:
        if self.draining:
            raise EngineUnavailable("the gateway is stopping; please try again")
        if self.in_flight >= self._limit:
            raise Overloaded(self._limit)
        return _Slot(self)

    def drain(self) -> None:
        """Let nobody in any more; those who are in go on."""
        self.draining = True

    async def wait_until_idle(self) -> None:
        await self._idle.wait()

    def _enter(self) -> None:
        self.in_flight += 1
        self._idle.clear()

    def _leave(self) -> None:
        self.in_flight -= 1
        if self.in_flight == 0:
            self._idle.set()


class _Slot:
    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    def __enter__(self) -> None:
        self._admission._enter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._admission._leave()

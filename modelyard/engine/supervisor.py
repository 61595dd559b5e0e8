"""Keeps one Triton alive: notices its death, starts it again with growing pauses, then has its models restored.

Knows processes and time; does not know models or requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from modelyard.errors import ModelyardError

_FIRST_PAUSE_S = 0.2
# A Triton that ran this long was healthy: its death is a new incident, not one more of a series.
_STEADY_AFTER_S = 60.0

log = structlog.get_logger(__name__)


class Process(Protocol):
    """What the supervisor needs of a running Triton."""

    @property
    def pid(self) -> int: ...

    async def wait(self) -> int: ...

    async def stop(self, timeout_s: float) -> int: ...


class Supervisor:
    """Runs `start` whenever no Triton lives, and `restore` after each restart.

    `start` returns when the new process answers its health check, and raises ModelyardError when it cannot.
    `restore` loads the models again; it is cancelled when the process dies under it.
    """

    def __init__(
        self,
        start: Callable[[], Awaitable[Process]],
        restore: Callable[[], Awaitable[None]],
        *,
        backoff_max_s: float,
    ) -> None:
        self._start = start
        self._restore = restore
        self._backoff_max_s = backoff_max_s
        self._process: Process | None = None
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start Triton for the first time; raises ModelyardError, and nothing is left running, when that fails."""
        self._process = await self._start()
        self._watch = asyncio.create_task(self._keep_alive(self._process), name="triton-supervisor")

    async def stop(self, timeout_s: float) -> None:
        """End Triton and the watching, in the order in which no restart can come between."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        if self._process is not None:
            await self._process.stop(timeout_s)

    async def _keep_alive(self, process: Process) -> None:
        deaths = 0
        restoring: asyncio.Task[None] | None = None
        try:
            while True:
                started = time.monotonic()
                exit_code = await process.wait()
                deaths = 1 if time.monotonic() - started > _STEADY_AFTER_S else deaths + 1
                log.error("Triton ended unexpectedly", pid=process.pid, exit_code=exit_code, deaths=deaths)
                if restoring is not None:
                    restoring.cancel()
                # Stubs of Python backends may outlive a Triton that was killed.
                await process.stop(timeout_s=0)
                process = self._process = await self._start_again(deaths)
                log.info("Triton is running again", pid=process.pid)
                restoring = asyncio.create_task(self._restore_or_log(), name="triton-restore")
        finally:
            if restoring is not None:
                restoring.cancel()

    async def _start_again(self, deaths: int) -> Process:
        while True:
            pause_s = min(self._backoff_max_s, _FIRST_PAUSE_S * 2 ** (deaths - 1))
            log.info("Triton will be started again", in_s=round(pause_s, 1))
            await asyncio.sleep(pause_s)
            try:
                return await self._start()
            except ModelyardError as error:
                deaths += 1
                log.error("Triton could not be started", reason=str(error))

    async def _restore_or_log(self) -> None:
        try:
            await self._restore()
        except ModelyardError as error:
            log.error("the models could not be loaded again", reason=str(error))

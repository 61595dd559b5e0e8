"""A Triton that is killed is started again on the same ports, and its models are restored; a stop is not a death."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import httpx

from modelyard.engine.distribution import find_distribution
from modelyard.engine.process import TritonProcess
from modelyard.engine.supervisor import Supervisor
from modelyard.errors import EngineUnavailable

ENGINE = Path(__file__).resolve().parents[2] / ".envs/engine/bin/python"


class Watched:
    """The real Triton under a supervisor, with a record of what the supervisor did."""

    def __init__(self, repository: Path) -> None:
        self.repository = repository
        self.started: list[TritonProcess] = []
        self.restored = asyncio.Event()
        self.failures_to_come = 0
        self.supervisor = Supervisor(self._start, self._restore, backoff_max_s=1.0)

    async def _start(self) -> TritonProcess:
        if self.started and self.failures_to_come:
            self.failures_to_come -= 1
            raise EngineUnavailable("not this time")
        first = self.started[0] if self.started else None
        process = await TritonProcess.launch(
            find_distribution(ENGINE), repository=self.repository, http_port=first.http_port if first else 0
        )
        self.started.append(process)
        return process

    async def _restore(self) -> None:
        self.restored.set()


async def test_a_killed_triton_is_started_again_and_restored(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    await watched.supervisor.start()
    try:
        os.kill(watched.started[0].pid, signal.SIGKILL)
        await asyncio.wait_for(watched.restored.wait(), 60)
        first, second = watched.started
        assert first.pid != second.pid
        async with httpx.AsyncClient() as client:
            live = await client.get(f"http://127.0.0.1:{first.http_port}/v2/health/live")
        assert live.status_code == 200
    finally:
        await watched.supervisor.stop(10)


async def test_a_start_that_fails_is_tried_again(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.failures_to_come = 2
    await watched.supervisor.start()
    try:
        os.kill(watched.started[0].pid, signal.SIGKILL)
        await asyncio.wait_for(watched.restored.wait(), 60)
        assert watched.failures_to_come == 0
    finally:
        await watched.supervisor.stop(10)


async def test_a_stop_is_not_followed_by_a_restart(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    await watched.supervisor.start()
    await watched.supervisor.stop(10)
    await asyncio.sleep(0.5)
    (only,) = watched.started
    assert only.returncode is not None
    assert not watched.restored.is_set()

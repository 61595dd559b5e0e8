"""A real Triton with parrots in it, and the gateway on a real port, each in a thread of its own.

Decides nothing about what is right.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import socket
import threading
from collections.abc import Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx
import uvicorn
import uvloop
from fastapi import FastAPI

from gateway.app import create_app
from modelyard.engine.distribution import find_distribution
from modelyard.engine.process import TritonProcess
from modelyard.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PARROT = ROOT / "tests/models/parrot"
ENGINE_PYTHON = ROOT / ".envs/engine/bin/python"

T = TypeVar("T")


class Loop:
    """An event loop in a thread. A Triton ends with the thread that started it, so the thread is kept."""

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()  # as `modelyard serve` runs
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(120)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


def add_parrot(repository: Path, name: str, **parameters: str) -> None:
    """One more parrot, with these parameters in its config.pbtxt beside its own."""
    shutil.copytree(PARROT, repository / name)
    with (repository / name / "config.pbtxt").open("a") as config:
        for key, value in parameters.items():
            config.write(f'parameters {{ key: "{key}" value {{ string_value: "{value}" }} }}\n')


class Triton:
    """A Triton that can be killed and started again on the same ports."""

    def __init__(self, repository: Path, log: Path, *, backends: Path = ROOT / "tests/models/none") -> None:
        self.repository = repository
        self._log = log
        self._loop = Loop()
        self._distribution = find_distribution(ENGINE_PYTHON, backends=backends)
        self.process = self._launch(0, 0, 0)
        self.grpc_port = self.process.grpc_port

    def _launch(self, grpc_port: int, http_port: int, metrics_port: int) -> TritonProcess:
        return self._loop.run(
            TritonProcess.launch(
                self._distribution,
                repository=self.repository,
                grpc_port=grpc_port,
                http_port=http_port,
                metrics_port=metrics_port,
                log=self._log,
                exit_timeout_s=2,
            )
        )

    @property
    def url(self) -> str:
        return f"grpc://127.0.0.1:{self.grpc_port}"

    def kill(self) -> None:
        self._loop.run(self.process.stop(timeout_s=0))

    def start_again(self) -> None:
        before = self.process
        self.process = self._launch(before.grpc_port, before.http_port, before.metrics_port)

    def outcomes(self, outcome: str) -> float:
        """How many requests the parrots have answered so: started, finished, cancelled or failed."""
        page = httpx.get(f"http://127.0.0.1:{self.process.metrics_port}/metrics", trust_env=False).text
        return sum(float(value) for value in re.findall(rf"^parrot_{outcome}_total{{.*}} (\S+)$", page, flags=re.M))

    def close(self) -> None:
        self._loop.run(self.process.stop(timeout_s=5))
        self._loop.close()


class Gateway:
    """The application behind uvicorn on a free port."""

    def __init__(self, settings: Settings, urls: Sequence[str]) -> None:
        self._loop = Loop()
        listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.app: FastAPI = create_app(settings, triton_urls=urls)
        config = uvicorn.Config(
            self.app, log_config=None, access_log=False, http="httptools", ws="websockets-sansio", lifespan="on"
        )
        self._server = uvicorn.Server(config)
        self._serving = asyncio.run_coroutine_threadsafe(self._server.serve(sockets=[listener]), self._loop.loop)
        while not self._server.started and not self._serving.done():
            self._loop.run(asyncio.sleep(0.01))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run(work)

    def close(self) -> None:
        self._server.should_exit = True
        self._serving.result(60)
        self._loop.close()


@contextlib.contextmanager
def serving(urls: Sequence[str], **settings: Any) -> Iterator[Gateway]:
    gateway = Gateway(Settings(_env_file=None, **settings), urls)
    try:
        yield gateway
    finally:
        gateway.close()

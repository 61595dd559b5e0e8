"""The queue before a model that takes one job at a time, and the process that holds the model.

Knows jobs, their order and a process; does not know what a job is about nor how Triton is answered.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from ..failures import Refused, RequestFailed, cancelled, unloading

# The process imports the backends as a package under the name that model.py gives it: a folder's own name may be that
# of a library.
_START = """
import importlib, sys, types
package = sys.modules["modelyard_backends"] = types.ModuleType("modelyard_backends")
package.__path__ = [sys.argv[1]]
process = importlib.import_module("modelyard_backends.common.worker.process")
process.serve(int(sys.argv[3]), importlib.import_module(f"modelyard_backends.{sys.argv[2]}").load)
"""

# Asking whether a request was cancelled is a message to Triton and back, so it is not done more often than this.
_LOOK_EVERY_S = 0.05
_STOP_WITHIN_S = 5.0


class WorkerFailed(Exception):
    """The model could not be loaded; the sentence says why."""


class Job(Protocol):
    """What is to be done, and who is told what came of it. `done` or `failed` is called exactly once."""

    work: Any

    def cancelled(self) -> bool: ...
    def done(self, result: Any) -> None: ...
    def failed(self, failure: RequestFailed) -> None: ...


@dataclass(frozen=True)
class _Child:
    process: subprocess.Popen[bytes]
    connection: Connection

    def end(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.wait()


class Worker:
    """`pipeline` names the module, relative to the backends' folder, whose `load(folder, settings)` gives a callable
    of a job and of a question whether it is still wanted. `waiting` jobs may wait; one more is refused.
    """

    def __init__(
        self, pipeline: str, folder: Path, settings: Mapping[str, Any], *, waiting: int, log: Callable[[str], None]
    ) -> None:
        self._pipeline = pipeline
        self._folder = folder
        self._settings = dict(settings)
        self._limit = waiting
        self._log = log
        self._child: _Child | None = None
        self._triton = os.getppid()  # asked for while it lives: this is called while it loads the model
        self._changed = threading.Condition()
        self._queue: list[Job] = []
        self._busy = False
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)

    def start(self) -> None:
        """Return when the model is loaded. Raises WorkerFailed."""
        self._child = self._spawn()
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Put a job at the end of the queue. Raises RequestFailed when it is full."""
        with self._changed:
            if self._closing:
                raise unloading()
            if self._busy and len(self._queue) >= self._limit:
                raise RequestFailed(
                    "UNAVAILABLE", f"{self._limit} requests are waiting for this model already; try again shortly"
                )
            self._queue.append(job)
            self._changed.notify()

    def close(self) -> None:
        """End: whoever still waits is told so."""
        with self._changed:
            self._closing = True
            left, self._queue = self._queue, []
            self._changed.notify()
        for job in left:
            job.failed(unloading())
        if self._thread.is_alive():
            self._thread.join()
        if self._child is not None:
            with contextlib.suppress(OSError):
                self._child.connection.send(("quit",))
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.process.wait(_STOP_WITHIN_S)
            self._child.end()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                while not self._queue and not self._closing:
                    self._changed.wait()
                if self._closing:
                    return
                job = self._queue.pop(0)
                self._busy = True
            if job.cancelled():
                job.failed(cancelled())
                continue
            if self._child is not None and self._child.process.poll() is not None:
                self._lose(self._child, "while it had nothing to do")
            try:
                child = self._child = self._child or self._spawn()
            except WorkerFailed as error:
                job.failed(RequestFailed("UNAVAILABLE", f"the engine cannot be started again: {error}"))
                continue
            self._do(job, child)

    def _do(self, job: Job, child: _Child) -> None:
        try:
            child.connection.send(("job", job.work))
            self._wait(job, child)
            kind, *told = child.connection.recv()
        except (EOFError, OSError):
            if self._closing:
                self._child = None
                child.end()
                job.failed(unloading())
                return
            code = self._lose(child, "in the middle of a request")
            job.failed(RequestFailed("INTERNAL", f"the engine ended with code {code} while it worked on this request"))
            with contextlib.suppress(WorkerFailed):
                self._child = self._spawn()  # so that the next one need not wait for it
            return
        if kind == "done":
            job.done(*told)
        elif kind == "refused":
            job.failed(Refused(*told))
        elif kind == "cancelled":
            job.failed(unloading() if self._closing else cancelled())
        else:
            job.failed(RequestFailed("INTERNAL", f"the engine failed: {told[0]}"))

    def _lose(self, child: _Child, when: str) -> int | None:
        """The process is gone; the code that it ended with."""
        self._child = None
        child.end()
        code = child.process.returncode
        self._log(f"the engine ended with code {code} {when} and is started again")
        return code

    def _wait(self, job: Job, child: _Child) -> None:
        """Return when there is an answer, or no child any more."""
        told = False
        while not child.connection.poll(_STOP_WITHIN_S if told and self._closing else _LOOK_EVERY_S):
            if told and self._closing:
                raise EOFError  # it does not heed the word: the caller ends it
            if not told and (self._closing or job.cancelled()):
                child.connection.send(("cancel",))
                told = True
            self._drop_cancelled()

    def _drop_cancelled(self) -> None:
        """Those that wait and are not wanted any more make room for others."""
        with self._changed:
            waiting = list(self._queue)
        for job in waiting:
            if job.cancelled():
                with self._changed:
                    if job not in self._queue:
                        continue  # `close` has told it
                    self._queue.remove(job)
                job.failed(cancelled())

    def _spawn(self) -> _Child:
        ours, theirs = socket.socketpair()
        backends = Path(__file__).resolve().parents[2]
        with theirs:
            process = subprocess.Popen(
                [_interpreter(), "-I", "-c", _START, str(backends), self._pipeline, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        child = _Child(process, Connection(ours.detach()))
        try:
            child.connection.send(("load", str(self._folder), self._settings, self._triton))
            answer = child.connection.recv()
        except (EOFError, OSError):
            answer = ("failed", f"its process ended with code {process.wait()}")
        if answer[0] != "ready":
            child.end()
            raise WorkerFailed(answer[1])
        return child


def _interpreter() -> str:
    """The Python of the stub's own environment. Inside Triton, sys.executable may be the stub or empty."""
    if "python" in Path(sys.executable or "").name:
        return sys.executable
    return shutil.which("python3") or "python3"

"""The engine process seen from the backend: started, listened to, started again when it breaks, ended.

Knows messages and processes; does not know what tokens mean.
"""

from __future__ import annotations

import array
import contextlib
import dataclasses
import itertools
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from ..failures import unloading
from .failures import engine_restarting, too_many_waiting
from .generation import Tokens
from .settings import LanguageSettings

# The engine process imports the backends as a package under the name that model.py gives it: the name of a backend's
# folder may be that of the library itself.
_START = """
import importlib, sys, types
package = sys.modules["modelyard_backends"] = types.ModuleType("modelyard_backends")
package.__path__ = [sys.argv[1]]
importlib.import_module(f"modelyard_backends.{sys.argv[2]}.engine_process").main(int(sys.argv[3]))
"""

_BACKENDS = Path(__file__).resolve().parents[2]
_LONGEST_PAUSE_S = 30.0  # between two tries to start an engine that keeps failing


class EngineFailed(Exception):
    """The engine could not be started; the sentence says why."""


@dataclasses.dataclass(frozen=True)
class EngineState:
    """How busy the engine is; `cache_use` from 0 to 1."""

    running: int = 0
    waiting: int = 0
    cache_use: float = 0.0


class EngineListener(Protocol):
    """Who is told what the engine does. Called by one thread, which must not be held up."""

    def started(self, key: int) -> None: ...
    def tokens(self, key: int, tokens: Tokens) -> None: ...
    def refused(self, key: int, why: str) -> None: ...
    def counted(self, key: int, prompt_tokens: int) -> None: ...
    def lost(self, key: int, why: str) -> None: ...
    def stepped(self, state: EngineState) -> None: ...
    def broke(self, why: str) -> None:
        """All sequences in progress are lost."""


@dataclasses.dataclass(frozen=True)
class _Child:
    process: subprocess.Popen[bytes]
    connection: Connection

    def how_it_ended(self) -> str:
        return f"its process ended with code {self.process.wait()}"


class Engine:
    """One engine process at a time. Every method may be called from any thread."""

    def __init__(
        self, version_folder: Path, settings: LanguageSettings, listener: EngineListener, log: Callable[[str], None]
    ) -> None:
        self._folder = version_folder
        self._settings = settings
        self._listener = listener
        self._log = log
        self._keys = itertools.count(1)
        self._lock = threading.Lock()
        self._live: set[int] = set()
        self._limit = settings.max_num_seqs + settings.max_queue_size
        self._child: _Child | None = None
        self._broken = ""  # why there is no child
        self._closing = threading.Event()
        self._triton = os.getppid()  # asked for while it lives: this is called while it loads the model
        self._reader = threading.Thread(target=self._read, name="engine-reader", daemon=True)

    def start(self) -> None:
        """Return when the model is loaded and warm. Raises EngineFailed."""
        self._child = self._spawn()
        self._reader.start()

    def reserve(self, count: int) -> list[int]:
        """Keys for `count` sequences. Raises RequestFailed when too many wait already."""
        with self._lock:
            self._refuse_when_down()
            if len(self._live) + count > self._limit:
                raise too_many_waiting(self._settings.max_queue_size)
            keys = list(itertools.islice(self._keys, count))
            self._live.update(keys)
            return keys

    def add(self, key: int, ids: Sequence[int], attributes: dict[str, Any]) -> None:
        """Begin a sequence under a reserved key. Raises RequestFailed when the engine is down."""
        with self._lock:
            self._refuse_when_down()
            self._send("add", key, array.array("q", ids).tobytes(), attributes)

    def stop(self, key: int) -> None:
        """End a sequence that nobody waits for; harmless when it has ended."""
        with self._lock:
            if key in self._live:
                self._live.discard(key)
                self._send("stop", key)

    def close(self) -> None:
        """End the process."""
        self._closing.set()
        with self._lock:
            self._send("quit")
            child = self._child
        if child is not None:
            try:
                # A step that is being computed is finished first.
                child.process.wait(5)
            except subprocess.TimeoutExpired:
                child.process.kill()
        if self._reader.is_alive():
            self._reader.join()

    def _refuse_when_down(self) -> None:
        if self._closing.is_set():
            raise unloading()
        if self._child is None:
            raise engine_restarting(self._broken)

    def _send(self, *message: Any) -> None:
        # When the process has just died, the reader sees it too and tells everybody.
        with contextlib.suppress(OSError):
            if self._child is not None:
                self._child.connection.send(message)

    def _spawn(self) -> _Child:
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [_interpreter(), "-I", "-c", _START, str(_BACKENDS), self._settings.backend, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        child = _Child(process, Connection(ours.detach()))
        try:
            child.connection.send(("load", str(self._folder), dataclasses.asdict(self._settings), self._triton))
            answer = child.connection.recv()
        except (EOFError, OSError):
            answer = ("failed", child.how_it_ended())
        if answer[0] != "ready":
            child.connection.close()
            process.wait()
            raise EngineFailed(answer[1])
        return child

    def _read(self) -> None:
        while (child := self._child) is not None:
            why = self._listen(child)
            if self._closing.is_set():
                return
            self._log(f"the engine failed and is started again: {why}")
            with self._lock:
                self._child = None
                self._broken = why
                self._live.clear()
                child.connection.close()
            self._listener.broke(why)
            self._restart()

    def _listen(self, child: _Child) -> str:
        """Hand on what the engine says, until it ends; why it did."""
        try:
            while True:
                message = child.connection.recv()
                if message[0] == "step":
                    self._hand_on(*message[1:])
                elif message[0] == "refused":
                    self._listener.refused(*message[1:])
                elif message[0] == "counted":
                    self._listener.counted(*message[1:])
                elif message[0] == "lost":
                    self._listener.lost(*message[1:])
                else:
                    child.process.wait()
                    return str(message[1])
        except (EOFError, OSError):
            return child.how_it_ended()

    def _hand_on(self, outputs: list[tuple[Any, ...]], started: list[int], state: tuple[int, int, float]) -> None:
        for key in started:
            self._listener.started(key)
        for key, *made in outputs:
            tokens = Tokens(*made)
            if tokens.finish is not None:
                with self._lock:
                    self._live.discard(key)
            self._listener.tokens(key, tokens)
        self._listener.stepped(EngineState(*state))

    def _restart(self) -> None:
        pause = 0.0
        while not self._closing.wait(pause):
            try:
                child = self._spawn()
            except EngineFailed as error:
                self._log(f"the engine cannot be started again: {error}")
                pause = min(max(1.0, 2 * pause), _LONGEST_PAUSE_S)
                continue
            with self._lock:
                self._child = child
                if self._closing.is_set():
                    self._send("quit")  # close() came in between and found no child to tell
            return


def _interpreter() -> str:
    """The Python of the stub's own environment. Inside Triton, sys.executable may be the stub or empty."""
    if "python" in Path(sys.executable or "").name:
        return sys.executable
    return shutil.which("python3") or "python3"

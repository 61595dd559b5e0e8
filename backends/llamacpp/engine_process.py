"""The process that holds the model: llama.cpp's server, and a relay between it and the backend's messages.

A process of its own because llama.cpp ends the one that it is in (GGML_ASSERT) when it meets what it did not expect,
and because its server listens: here on a socket that only this user can reach. Knows token ids and pieces of text;
does not know Triton.

The messages are those of `common/language/engine.py`:
in    ("load", folder, settings, process id of Triton), then ("add", key, ids, attributes), ("stop", key), ("quit",)
out   ("ready",) or ("failed", sentence), then ("step", outputs, started, state), ("refused", key, sentence) and
      ("lost", key, sentence), where outputs is [(key, ids, logprobs, finish, text, tokens made, about each of ids)]
"""

from __future__ import annotations

import array
import collections
import contextlib
import functools
import os
import shutil
import threading
from multiprocessing.connection import Connection
from typing import Any

from ..common.language.orphan import end_without
from .completion import Completion
from .llama_http import Call, ServerFailed, ServerRefused
from .llama_server import LoadFailed, start_server
from .settings import BackendSettings

_WARM_UP_IDS = (0, 1, 2, 3)  # ids that every vocabulary has


def main(descriptor: int) -> None:
    """Load the model, say so, and serve until the other side says quit or is gone."""
    with contextlib.suppress(EOFError, ConnectionError):  # the backend is gone; nobody is left to answer
        _serve(Connection(descriptor))


def _serve(connection: Connection) -> None:
    _, _, given, triton = connection.recv()
    settings = BackendSettings(**given)
    remove = functools.partial(shutil.rmtree, settings.run_folder, ignore_errors=True)
    end_without(triton, stub=os.getppid(), first=remove)
    try:
        _server = start_server(settings)  # kept: it stops when nobody has it any more
        Call(settings.socket).ask("/completion", {"prompt": _WARM_UP_IDS, "n_predict": 2, "ignore_eos": True})
    except (LoadFailed, ServerFailed, ServerRefused, OSError) as error:
        connection.send(("failed", str(error)))
        return
    connection.send(("ready",))
    with contextlib.suppress(EOFError, ConnectionError):
        _Relay(connection, settings).serve()
    remove()
    # Not by way of the server's own end, which waits for its listeners and for what they are in the middle of.
    os._exit(0)


class _Relay:
    """Reads messages in the main thread; each sequence that is computed has a thread of its own, which waits for
    llama.cpp nearly always."""

    def __init__(self, connection: Connection, settings: BackendSettings) -> None:
        self._connection = connection
        self._settings = settings
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._waiting: collections.OrderedDict[int, tuple[bytes, dict[str, Any]]] = collections.OrderedDict()
        self._running: dict[int, Completion] = {}

    def serve(self) -> None:
        while (message := self._connection.recv())[0] != "quit":
            if message[0] == "add":
                with self._lock:
                    self._waiting[message[1]] = message[2:]
                    self._admit()
            else:
                self._stop(message[1])

    def _stop(self, key: int) -> None:
        with self._lock:
            if self._waiting.pop(key, None) is None and (running := self._running.get(key)) is not None:
                running.cancel()

    def _admit(self) -> None:
        while self._waiting and len(self._running) < self._settings.n_parallel:
            key, (ids, attributes) = self._waiting.popitem(last=False)
            completion = Completion(self._settings, array.array("q", ids).tolist(), attributes)
            self._running[key] = completion
            threading.Thread(target=self._run, args=(key, completion), name=f"sequence-{key}", daemon=True).start()

    def _run(self, key: int, completion: Completion) -> None:
        self._step([], [key])
        try:
            for piece in completion.pieces():
                self._step([(key, *piece)], [])
        except ServerRefused as error:
            self._send("refused", key, str(error))
        except Exception as error:
            self._send("lost", key, str(error) or type(error).__name__)
        finally:
            with self._lock:
                self._running.pop(key, None)
                self._admit()
            self._step([], [])

    def _step(self, outputs: list[tuple[Any, ...]], started: list[int]) -> None:
        with self._lock:
            used = sum(each.tokens for each in self._running.values())
            cache = self._settings.context_length * self._settings.n_parallel
            state = (len(self._running), len(self._waiting), min(used / cache, 1.0))
        self._send("step", outputs, started, state)

    def _send(self, *message: Any) -> None:
        with self._sending, contextlib.suppress(OSError):  # the main thread sees it too when the backend is gone
            self._connection.send(message)

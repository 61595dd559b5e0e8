"""Questions to llama.cpp's server over its socket.

Knows HTTP and the server's JSON; does not know Triton or what an answer is for.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from typing import Any


class ServerRefused(Exception):
    """The server says that the question is wrong."""


class ServerFailed(Exception):
    """The server cannot answer, or not to the end."""


class Call:
    """One question. `cancel` may be called from any thread; the server then stops computing the answer."""

    def __init__(self, path: str, *, timeout_s: float | None = None) -> None:
        self._connection = _UnixConnection(path, timeout_s)

    def ask(self, what: str, question: Mapping[str, Any] | None) -> Any:
        """The answer in one piece; None asks for what is there. Raises ServerRefused, ServerFailed or OSError."""
        with contextlib.closing(self._connection):
            return json.loads(self._put(what, question).read())

    def stream(self, what: str, question: Mapping[str, Any]) -> Iterator[Any]:
        """The answer piece by piece. Raises ServerRefused, ServerFailed or OSError."""
        with contextlib.closing(self._connection):
            for line in self._put(what, question):
                name, _, content = line.strip().partition(b": ")
                if name in (b"data", b"error") and content != b"[DONE]":
                    piece = json.loads(content)
                    if name == b"error" or "error" in piece:
                        raise ServerFailed(_message(piece))
                    yield piece

    def cancel(self) -> None:
        self._connection.shut()

    def _put(self, what: str, question: Mapping[str, Any] | None) -> http.client.HTTPResponse:
        try:
            if question is None:
                self._connection.request("GET", what)
            else:
                self._connection.request("POST", what, json.dumps(question), {"Content-Type": "application/json"})
            answer = self._connection.getresponse()
        except http.client.HTTPException as error:
            raise ServerFailed(f"the engine hung up ({error!r})") from None
        if answer.status != http.client.OK:
            said = answer.read()
            with contextlib.suppress(ValueError):
                said = _message(json.loads(said)).encode()
            kind = ServerRefused if answer.status < http.client.INTERNAL_SERVER_ERROR else ServerFailed
            raise kind(said.decode(errors="replace"))
        return answer


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_s: float | None) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)

    def shut(self) -> None:
        with contextlib.suppress(OSError):
            if self.sock is not None:
                self.sock.shutdown(socket.SHUT_RDWR)


def _message(said: Any) -> str:
    error = said.get("error", said) if isinstance(said, dict) else said
    return str(error.get("message", error) if isinstance(error, dict) else error)

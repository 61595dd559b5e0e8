"""Ends calls that nobody reads any more, at a moment when Triton is not writing to them.

Triton 2.51 dies of a segmentation fault, with everything that it serves, when a call is cancelled just as a response of
it is written (triton-inference-server/server, pull requests 7840 and 8078, which later releases have). With responses
that follow each other within 0.2 ms that was one in 200 to 700 cancelled streams. So a call that is nearly done is let
end, and another is read on until it is quiet for a moment, as it nearly always is between two tokens of a language
model. Knows no models and no tensors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import grpc

_GRACE_S = 0.1  # a busy host makes any pause of an answer look like quiet, so short answers are not cancelled at all
_QUIET_S = 0.01
_PATIENCE_S = 1.0  # what is never quiet for so long is cancelled all the same: the work is for nobody


class Partings:
    """The calls that are being left. `leave_stream` and `leave_answer` return at once."""

    def __init__(self) -> None:
        self._leaving: set[asyncio.Task[None]] = set()

    def leave_stream(self, call: grpc.aio.StreamStreamCall, reading: asyncio.Future[Any] | None) -> None:
        """`reading` is the read that was in progress."""
        if not call.done():
            self._keep(_until_quiet(call, reading))

    def leave_answer(self, call: grpc.aio.UnaryUnaryCall, reading: asyncio.Future[Any]) -> None:
        """An answer that comes soon is let come, since the moment in which it is written is not known."""
        if not call.done():
            self._keep(_until_answered(call, reading))

    def _keep(self, leaving: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(leaving)
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def close(self) -> None:
        """Wait until all are left, a second at most: a channel that closes cancels what is open on it."""
        await asyncio.gather(*self._leaving)


async def _until_quiet(call: grpc.aio.StreamStreamCall, reading: asyncio.Future[Any] | None) -> None:
    loop = asyncio.get_running_loop()
    left = loop.time()
    try:
        while (passed := loop.time() - left) < _PATIENCE_S:
            reading = reading or asyncio.ensure_future(call.read())
            done, _ = await asyncio.wait({reading}, timeout=max(_QUIET_S, _GRACE_S - passed))
            if not done or _failed(reading) or reading.result() is grpc.aio.EOF:
                return
            reading = None
    finally:
        _cancel(call, reading)


async def _until_answered(call: grpc.aio.UnaryUnaryCall, reading: asyncio.Future[Any]) -> None:
    try:
        await asyncio.wait({reading}, timeout=_PATIENCE_S)
    finally:
        _cancel(call, reading)


def _cancel(call: grpc.aio.Call, reading: asyncio.Future[Any] | None) -> None:
    """Does nothing to a call that has ended."""
    call.cancel()
    if reading is not None and not reading.cancel():
        _failed(reading)


def _failed(reading: asyncio.Future[Any]) -> bool:
    """Also marks its exception as seen: nobody is left to hear of it."""
    return reading.cancelled() or reading.exception() is not None

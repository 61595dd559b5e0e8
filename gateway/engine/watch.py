"""Notices that the engine behind a silent stream has died, or its whole host, and ends the stream.

Triton 2.51 leaves a stream whose backend process died open for ever, without a word; so does the network when a host
vanishes. Knows no models and no tensors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import grpc

_SILENCE_S = 10.0  # a long prompt on a small CPU is silent for longer, and is asked about every so often


class Watch:
    """A timer, not a timeout on each read: that would cost more than the read.

    `is_alive` is asked when nothing was heard for a while; the reader sets `heard` at each response. `is_gone` tells
    of the whole Triton what others found out about it.
    """

    def __init__(
        self, call: grpc.aio.Call, is_alive: Callable[[], Awaitable[bool]], is_gone: Callable[[], bool]
    ) -> None:
        self.heard = False
        self.condemned = False
        self.gone = False
        self._is_gone = is_gone
        self._call = call
        self._is_alive = is_alive
        self._asking: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(_SILENCE_S, self._look)

    def condemn(self) -> None:
        """End the stream; its reader sees `condemned`, and `gone` where it is not the model's backend alone."""
        self.condemned = True
        self._call.cancel()

    def stop(self) -> None:
        self._timer.cancel()
        if self._asking is not None:
            self._asking.cancel()

    def _look(self) -> None:
        if self.heard:
            self.heard = False
            self._timer = self._loop.call_later(_SILENCE_S, self._look)
        else:
            self._asking = self._loop.create_task(self._ask())

    async def _ask(self) -> None:
        alive = await self._is_alive()
        self.gone = self._is_gone() and not self.heard
        if alive and not self.gone:
            self._timer = self._loop.call_later(_SILENCE_S, self._look)
        else:
            self.condemn()

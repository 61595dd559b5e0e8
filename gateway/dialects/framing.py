"""Events out as bytes: server-sent events and NDJSON, kept alive while nothing comes, ended with the dialect's error.

The only place that writes `data:`, and the one that notices that a client has gone. Knows no dialect's words.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

import orjson
import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.telemetry import current_record
from modelyard.errors import ModelyardError

EVENT_STREAM = "text/event-stream"
NDJSON = "application/x-ndjson"

# A payload between these two is one server-sent event. Dialects build the constant part of a stream's events once.
SSE_OPEN, SSE_CLOSE = b"data: ", b"\n\n"
SSE_DONE = b"data: [DONE]\n\n"

# What an OpenAPI document says of one server-sent event.
EVENT_SCHEMA = {"type": "object", "properties": {"data": {"type": "string"}}, "required": ["data"]}

_BEAT_S = 15.0  # proxies commonly close what is silent for 60 s
# In NDJSON it is white space before the next object: clients take each line, an empty one too, for an object.
_BEATS = {EVENT_STREAM: b": still working\n\n", NDJSON: b" "}

T = TypeVar("T")


log = structlog.get_logger(__name__)


class ClientGone(Exception):
    """The client closed the connection; there is nobody to answer."""


def sse(payload: object) -> bytes:
    return SSE_OPEN + orjson.dumps(payload) + SSE_CLOSE


def sse_event_open(name: str) -> bytes:
    """A named event up to its payload."""
    return b"event: " + name.encode() + b"\n" + SSE_OPEN


def sse_event(name: str, payload: object) -> bytes:
    return sse_event_open(name) + orjson.dumps(payload) + SSE_CLOSE


def ndjson(payload: object) -> bytes:
    return orjson.dumps(payload) + b"\n"


class JSONBytes(Response):
    """JSON by orjson."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


async def while_connected(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """The result of the work, which is cancelled when the client goes away. Raises ClientGone then.

    The request's body must have been read.
    """
    working = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(_disconnect(receive))
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientGone
    finally:
        watching.cancel()
        if not working.done():
            working.cancel()
            # Until it has let go of the engine: a cancelled generation frees its place before we say that it has.
            await asyncio.wait({working})


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class StreamedAnswer(Response):
    """A response of frames as they come.

    What the generator raises before its first frame is raised by the response, so that it becomes a status. After
    that, `on_error` makes the last frame of it. When nothing comes for a while, the response begins all the same.
    """

    def __init__(
        self, frames: AsyncGenerator[bytes, None], media_type: str, on_error: Callable[[Exception], bytes]
    ) -> None:
        self._frames = frames
        self._on_error = on_error
        self._beat = _BEATS[media_type]
        self._started = False
        self._wrote = False
        self.background = None
        self.status_code = 200
        self.media_type = media_type
        self.init_headers({"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await while_connected(receive, self._write(send))

    async def _write(self, send: Send) -> None:
        beating = asyncio.create_task(self._keep_alive(send))
        try:
            async with aclosing(self._frames) as frames:
                async for frame in frames:
                    if not self._started:
                        await self._start(send)
                    self._wrote = True
                    await send({"type": "http.response.body", "body": frame, "more_body": True})
        except Exception as error:
            if not self._started:
                raise
            _note(error)
            await send({"type": "http.response.body", "body": self._on_error(error), "more_body": True})
        finally:
            beating.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _start(self, send: Send) -> None:
        self._started = True
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})

    async def _keep_alive(self, send: Send) -> None:
        while True:
            await asyncio.sleep(_BEAT_S)
            if not self._wrote:
                if not self._started:
                    await self._start(send)
                await send({"type": "http.response.body", "body": self._beat, "more_body": True})
            self._wrote = False


def _note(error: Exception) -> None:
    """The record of a stream that broke says why; its status was sent long ago."""
    record = current_record()
    record.outcome = "broken"
    if isinstance(error, ModelyardError):
        record.problem = error.message
    else:
        record.problem = type(error).__name__
        log.error("an unexpected error in a stream", id=record.request_id, exc_info=error)

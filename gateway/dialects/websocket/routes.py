"""The connection: messages in, pieces of replies out, both at once. GET /ws with an upgrade.

Knows frames and close codes; what answers is handed in.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from gateway.dialects.websocket import schemas
from gateway.dialects.websocket.answering import answer_work, failure_of, form_of, picture_work
from gateway.dialects.websocket.bodies import Bodies, read_chat, read_image
from gateway.dialects.websocket.codec import Unreadable, decode, encode
from gateway.dialects.websocket.sessions import RESUME_S, Session, Sessions
from gateway.domain.drawing import Drawing
from gateway.domain.ports import Answering
from gateway.telemetry import Record
from modelyard.errors import ModelyardError, Overloaded

SUBPROTOCOL = "modelyard.v1"

# https://www.rfc-editor.org/rfc/rfc6455#section-7.4; those from 4000 are for applications.
UNREADABLE = 1007
TRY_AGAIN_LATER = 1013
NO_SUCH_SESSION = 4404
SILENT = 4408
TAKEN_OVER = 4409

_FIRST_MESSAGE_S = 30.0
_CONTROLS = 16  # answers to a client that asks faster than it reads, before it has to wait


def websocket_router(
    answering: Answering,
    drawing: Drawing,
    sessions: Sessions,
    bodies: Bodies,
    *,
    ended: Callable[[Record], None],
) -> APIRouter:
    router = APIRouter()

    @router.websocket("/ws")
    async def connect(websocket: WebSocket) -> None:
        offered = websocket.scope.get("subprotocols", ())
        await websocket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
        connection = _Connection(websocket, answering, drawing, bodies, ended)
        with contextlib.suppress(WebSocketDisconnect):
            await connection.live(sessions)

    return router


class _Connection:
    """One connection, which has one session. The first frame says in which form it speaks."""

    def __init__(
        self,
        websocket: WebSocket,
        answering: Answering,
        drawing: Drawing,
        bodies: Bodies,
        ended: Callable[[Record], None],
    ) -> None:
        self._websocket = websocket
        self._answering = answering
        self._drawing = drawing
        self._bodies = bodies
        self._ended = ended
        self._binary = False
        self._controls: asyncio.Queue[dict[str, Any]] = asyncio.Queue(_CONTROLS)

    async def live(self, sessions: Sessions) -> None:
        try:
            frame = await asyncio.wait_for(self._receive(), _FIRST_MESSAGE_S)
        except asyncio.TimeoutError:
            await self._close(SILENT, "nothing was sent")
            return
        self._binary = isinstance(frame, bytes)
        try:
            first = schemas.CLIENT_MESSAGE.validate_python(decode(frame))
        except Unreadable as error:
            await self._close(UNREADABLE, error.message)
            return
        except ValidationError as error:
            first = None
            refusal = form_of(failure_of(error, of_message=True))
        resumes = isinstance(first, schemas.Resume)
        try:
            session = sessions.find(first.session) if isinstance(first, schemas.Resume) else sessions.open()
        except Overloaded as error:
            await self._close(TRY_AGAIN_LATER, error.message)
            return
        if session is None:
            await self._close(NO_SUCH_SESSION, "there is no such session any more; begin anew")
            return
        over = asyncio.Event()
        take_over = over.set
        lost = session.attach(first.seen if isinstance(first, schemas.Resume) else {}, take_over)
        try:
            await self._say(
                session,
                {"type": "hello", "session": session.key, "resume_s": RESUME_S, "requests": session.running()}
                | ({"lost": lost} if resumes else {}),
            )
            if first is None:
                await self._say(session, {"type": "error", "error": refusal})
            elif not resumes:
                await self._take(session, first)
            await self._both_ways(session, over)
        finally:
            session.detach(take_over)

    async def _both_ways(self, session: Session, over: asyncio.Event) -> None:
        """Read and write until the connection ends, or another one has the session."""
        reading = asyncio.create_task(self._read(session))
        writing = asyncio.create_task(self._write(session, over))
        taken = asyncio.create_task(over.wait())
        try:
            await asyncio.wait({reading, writing, taken}, return_when=asyncio.FIRST_COMPLETED)
            if over.is_set():
                await self._close(TAKEN_OVER, "the session goes on in another connection")
                return
            if reading.done():
                reading.result()
            if writing.done():
                writing.result()
        except Unreadable as error:
            await self._close(UNREADABLE, error.message)
        finally:
            for task in (reading, writing, taken):
                task.cancel()
            await asyncio.gather(reading, writing, taken, return_exceptions=True)

    async def _read(self, session: Session) -> None:
        while True:
            frame = await self._receive()
            try:
                message = schemas.CLIENT_MESSAGE.validate_python(decode(frame))
            except ValidationError as error:
                await self._say(session, {"type": "error", "error": form_of(failure_of(error, of_message=True))})
                continue
            await self._take(session, message)

    async def _take(self, session: Session, message: Any) -> None:
        if isinstance(message, schemas.Ask):
            await self._begin(session, message)
        elif isinstance(message, schemas.Cancel):
            if not session.cancel(message.id) and message.id not in session.replies:
                await self._refuse(session, message.id, "there is no such request")
        elif isinstance(message, schemas.Acknowledge):
            if (reply := session.replies.get(message.id)) is not None:
                reply.acknowledge(message.seq)
        elif isinstance(message, schemas.Ping):
            await self._say(session, {"type": "pong", "data": message.data})
        else:
            await self._refuse(session, None, "resume is the first message of a connection")

    async def _begin(self, session: Session, message: schemas.Ask) -> None:
        record = Record(f"{session.key[:8]}-{message.id}", "WS", "/ws", "websocket")
        try:
            if message.type == "chat":
                chat = read_chat(message.body)
                work = answer_work(chat, self._bodies, self._answering, record, self._ended)
            else:
                image = read_image(message.body)
                work = picture_work(image, self._bodies, self._drawing, record, self._ended)
            session.start(message.id, work)
        except (ModelyardError, ValidationError) as error:
            failure = failure_of(error)
            record.status, record.problem = failure.status, failure.message
            self._ended(record)
            await self._say(session, {"type": "error", "id": message.id, "error": form_of(failure)})

    async def _refuse(self, session: Session, key: str | None, why: str) -> None:
        error = {"status": 400, "code": "invalid_value", "message": why, "param": "id" if key else "type"}
        await self._say(session, {"type": "error", "id": key, "error": error})

    async def _say(self, session: Session, message: dict[str, Any]) -> None:
        """A message that is no part of a reply; waits while the client does not read."""
        await self._controls.put(message)
        session.news.set()

    async def _write(self, session: Session, over: asyncio.Event) -> None:
        while True:
            session.news.clear()
            idle = True
            while not self._controls.empty():
                await self._send(self._controls.get_nowait())
            # In turns, so that a long answer does not hold up a short one.
            for reply in list(session.replies.values()):
                # What is taken from now on is for the connection that has the session.
                if over.is_set():
                    return
                if (message := reply.next_message()) is not None:
                    idle = False
                    await self._send(message)
            if idle:
                await session.news.wait()

    async def _send(self, message: dict[str, Any]) -> None:
        frame = encode(message, binary=self._binary)
        if isinstance(frame, bytes):
            await self._websocket.send_bytes(frame)
        else:
            await self._websocket.send_text(frame)

    async def _receive(self) -> str | bytes:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        text: str | None = message.get("text")
        return text if text is not None else message["bytes"]

    async def _close(self, code: int, why: str) -> None:
        # A close frame has room for 123 bytes of reason.
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await self._websocket.close(code, why.encode()[:120].decode("utf-8", "ignore"))

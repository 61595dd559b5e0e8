"""HTTP of /chat: translate in, ask, translate out, return.

Knows paths and statuses; what keeps the conversations is handed in.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from gateway.dialects.bodies import JSONRoute
from gateway.dialects.chat import schemas, translate
from gateway.dialects.failures import from_exception
from gateway.dialects.framing import (
    EVENT_SCHEMA,
    EVENT_STREAM,
    NDJSON,
    JSONBytes,
    StreamedAnswer,
    ndjson,
    sse,
    while_connected,
)
from gateway.dialects.naming import named
from gateway.dialects.statuses import failing
from gateway.domain.ports import ChatEvent, Chatting

_STREAMS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            NDJSON: {
                "schema": {"type": "string"},
                "example": '{"delta": "Hel"}\n{"delta": "lo"}\n{"done": true, ...}\n',
            },
            EVENT_STREAM: {"schema": EVENT_SCHEMA, "example": 'data: {"delta": "Hello"}\n\n'},
        }
    }
}


def chat_router(chatting: Chatting) -> APIRouter:
    router = APIRouter(tags=["chat"], route_class=JSONRoute)

    @router.post(
        "/chat",
        summary="Say something in a user's conversation",
        response_model=schemas.ChatReply,
        responses=_STREAMS | failing(schemas.ChatErrorBody, 400, 404, 415, 503, 504),
    )
    async def chat(wire: schemas.ChatRequest, request: Request) -> Response:
        events = chatting.say(translate.to_turn(wire))
        if wire.stream:
            return _stream(wire.user_id, events, as_sse=EVENT_STREAM in request.headers.get("accept", ""))
        return JSONBytes(await while_connected(request.receive, _whole(wire.user_id, events)))

    @router.delete(
        "/chat/{user_id:path}",
        summary="Forget a user's conversation",
        status_code=204,
        responses=failing(schemas.ChatErrorBody, 400, 404, meanings={404: "No user can be called that"}),
    )
    async def forget(user_id: Annotated[schemas.UserId, Path()]) -> None:
        await chatting.forget(user_id)

    return router


def _stream(user_id: str, events: AsyncGenerator[ChatEvent, None], *, as_sse: bool) -> StreamedAnswer:
    frame, media_type = (sse, EVENT_STREAM) if as_sse else (ndjson, NDJSON)
    frames = _frames(events, translate.ReplyLines(user_id, frame))
    return StreamedAnswer(frames, media_type, lambda error: frame(translate.from_failure(from_exception(error))))


async def _frames(events: AsyncGenerator[ChatEvent, None], lines: translate.ReplyLines) -> AsyncGenerator[bytes, None]:
    with named(translate.NAMES, too_long="message"):
        async with aclosing(events):
            async for event in events:
                if line := lines.line(event):
                    yield line


async def _whole(user_id: str, events: AsyncGenerator[ChatEvent, None]) -> dict[str, Any]:
    reply = translate.Reply(user_id)
    with named(translate.NAMES, too_long="message"):
        async with aclosing(events):
            async for event in events:
                reply.take(event)
    return reply.whole()

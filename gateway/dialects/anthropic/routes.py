"""HTTP of Anthropic's API: translate in, ask, translate out, return.

Knows paths; what answers, counts and fetches pictures is handed in.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request, Response

from gateway.dialects.anthropic import schemas, translate
from gateway.dialects.anthropic.events import MessageEvents
from gateway.dialects.bodies import JSONRoute
from gateway.dialects.collecting import collect
from gateway.dialects.failures import from_exception
from gateway.dialects.framing import EVENT_SCHEMA, EVENT_STREAM, JSONBytes, StreamedAnswer, sse_event, while_connected
from gateway.dialects.naming import named
from gateway.dialects.pictures import check_count, read_all
from gateway.dialects.statuses import failing
from gateway.domain.generation import Event
from gateway.domain.ports import Answering, LoadPicture
from gateway.domain.tokenizing import Tokenization

_STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {EVENT_STREAM: {"schema": EVENT_SCHEMA}}}}


def anthropic_router(answering: Answering, load_picture: LoadPicture, tokenization: Tokenization) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["anthropic"], route_class=JSONRoute)

    @router.post(
        "/messages",
        summary="Answer a conversation, in Anthropic's form",
        response_model=schemas.Answer,
        responses=_STREAM | failing(schemas.ErrorBody, 400, 404, 415, 503, 504),
    )
    async def messages(wire: schemas.MessagesRequest, request: Request) -> Response:
        answer_id = f"msg_{uuid.uuid4().hex[:24]}"
        pictures = await while_connected(request.receive, _fetched(wire, load_picture))
        events = answering.answer(translate.to_generation(wire, pictures))
        if wire.stream:
            made = MessageEvents(
                wire.model,
                answer_id=answer_id,
                stops=wire.stop_sequences or (),
                with_thoughts=translate.shows_thoughts(wire),
            )
            return StreamedAnswer(_frames(events, made, wire), EVENT_STREAM, _last_words)
        with named(translate.names_of(wire), too_long="messages"):
            whole = await while_connected(request.receive, collect(events))
        return JSONBytes(translate.from_whole(whole, wire, answer_id=answer_id))

    @router.post(
        "/messages/count_tokens",
        summary="How many tokens a conversation is, in Anthropic's form",
        response_model=schemas.Count,
        responses=failing(schemas.ErrorBody, 400, 404, 415, 503, 504),
    )
    async def count_tokens(wire: schemas.Prompt, request: Request) -> Response:
        counting = tokenization.tokenize(translate.to_prompt(wire))
        with named(translate.names_of(wire), too_long="messages"):
            return JSONBytes(translate.from_counted(await while_connected(request.receive, counting)))

    return router


async def _fetched(wire: schemas.Prompt, load_picture: LoadPicture) -> list[bytes]:
    wanted = translate.pictures_of(wire)
    check_count(len(wanted), "messages")
    return await read_all(wanted, load_picture)


async def _frames(
    events: AsyncGenerator[Event, None], made: MessageEvents, wire: schemas.MessagesRequest
) -> AsyncGenerator[bytes, None]:
    begun = False
    with named(translate.names_of(wire), too_long="messages"):
        async with aclosing(events):
            async for event in events:
                frame = made.of(event)
                if not begun:
                    # With the first event, so that what fails before it is a status.
                    begun, frame = True, made.begin() + frame
                if frame:
                    yield frame


def _last_words(error: Exception) -> bytes:
    return sse_event("error", translate.from_failure(from_exception(error)))

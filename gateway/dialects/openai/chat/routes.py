"""HTTP of chat completions: translate in, ask, translate out, return.

Knows a path; what answers and what fetches pictures is handed in.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from fastapi import APIRouter, Request, Response

from gateway.dialects.collecting import collect
from gateway.dialects.framing import JSONBytes, while_connected
from gateway.dialects.naming import named
from gateway.dialects.openai.chat import schemas, translate
from gateway.dialects.openai.chat.chunks import ChatChunks
from gateway.dialects.openai.chat.messages import ImageURL, pictures_of
from gateway.dialects.openai.streaming import answered_by, new_answer, stream
from gateway.dialects.pictures import read_all
from gateway.domain.generation import Event
from gateway.domain.ports import Answering, LoadPicture

_LOW_DETAIL = 512  # pixels a side, as OpenAI describes `detail: low`


def add_chat(router: APIRouter, answering: Answering, load_picture: LoadPicture) -> None:
    @router.post(
        "/chat/completions",
        summary="Answer a conversation",
        response_model=schemas.ChatCompletion,
        responses=answered_by(stream_of="chat.completion.chunk"),
    )
    async def chat_completions(wire: schemas.ChatCompletionRequest, request: Request) -> Response:
        names = new_answer("chatcmpl")
        wanted = pictures_of(wire.messages)
        pictures = await while_connected(request.receive, fetched(wanted, load_picture)) if wanted else []
        events = answering.answer(translate.to_generation(wire, pictures))
        if wire.stream:
            return stream(_frames(events, ChatChunks(wire, **names), wire))
        with named(translate.names_of(wire), too_long="messages"):
            whole = await while_connected(request.receive, collect(events))
        return JSONBytes(translate.from_whole(whole, wire, **names))


async def fetched(wanted: Sequence[tuple[str, ImageURL]], load_picture: LoadPicture) -> list[bytes]:
    """The pictures of the messages, fetched side by side. The first error ends them all."""
    return await read_all(
        wanted, lambda one: load_picture(one.url, within=_LOW_DETAIL if one.detail == "low" else None)
    )


async def _frames(
    events: AsyncGenerator[Event, None], chunks: ChatChunks, wire: schemas.ChatCompletionRequest
) -> AsyncGenerator[bytes, None]:
    with named(translate.names_of(wire), too_long="messages"):
        async with aclosing(events):
            async for event in events:
                if frame := chunks.of(event):
                    yield frame

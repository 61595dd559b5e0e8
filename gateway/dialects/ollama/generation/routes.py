"""HTTP of Ollama's answers: translate in, ask, translate out, return.

Knows paths and statuses; what answers is handed in.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, aclosing
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from gateway.dialects.collecting import collect
from gateway.dialects.framing import NDJSON, JSONBytes, StreamedAnswer, while_connected
from gateway.dialects.naming import named
from gateway.dialects.ollama.durations import keep_alive_s
from gateway.dialects.ollama.failed import last_words, responses
from gateway.dialects.ollama.generation import schemas, translate
from gateway.dialects.ollama.generation.answers import Lines, from_residence, from_whole
from gateway.dialects.ollama.generation.options import Options, check_context
from gateway.dialects.ollama.names import Names, base_of
from gateway.dialects.ollama.wire import AnyContentType
from gateway.dialects.pictures import check_count, read_all
from gateway.domain.generation import Event, Finished, GenerationRequest, ReasoningDelta, TextDelta
from gateway.domain.ports import Answering, Catalog, CheckPicture, Models, Residents

_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {NDJSON: {"schema": {"type": "string"}, "example": '{"model": "demo", "done": false}\n'}}}
}
_RESPONSES = _STREAM | responses(400, 404, 415, 503, 504)


def generation_router(
    answering: Answering,
    catalog: Catalog,
    models: Models,
    residents: Residents,
    names: Names,
    check_picture: CheckPicture,
) -> APIRouter:
    router = APIRouter(prefix="/api", tags=["ollama"], route_class=AnyContentType)

    @router.post(
        "/generate",
        summary="Answer a prompt",
        response_model=schemas.GenerateResponse,
        responses=_RESPONSES,
    )
    async def generate(wire: schemas.GenerateRequest, request: Request) -> Response:
        if wire.asks_nothing:
            return await _reside(wire, request, chat=False)
        asked = translate.to_generation(wire, await _checked(wire, request))
        return await _answer(wire, asked, request, chat=False)

    @router.post("/chat", summary="Answer a conversation", response_model=schemas.ChatResponse, responses=_RESPONSES)
    async def chat(wire: schemas.ChatRequest, request: Request) -> Response:
        if wire.asks_nothing:
            return await _reside(wire, request, chat=True)
        asked = translate.to_chat(wire, await _checked(wire, request))
        return await _answer(wire, asked, request, chat=True)

    async def _checked(wire: schemas.GenerateRequest | schemas.ChatRequest, request: Request) -> list[bytes]:
        """The pictures of the request, as engines read them."""
        pictures = translate.pictures_of(wire)
        check_count(len(pictures), "images" if isinstance(wire, schemas.GenerateRequest) else "messages")
        return await while_connected(request.receive, read_all(pictures, check_picture)) if pictures else []

    async def _answer(wire: schemas.Asking, asked: GenerationRequest, request: Request, *, chat: bool) -> Response:
        said: dict[str, Any] = {
            "chat": chat,
            "model": wire.model,
            "created_at": _now(),
            "logprobs": asked.sampling.logprobs,
        }
        asked = replace(asked, model=await names.known(wire.model))
        events = answering.answer(asked)
        if wire.options is not None and wire.options.num_ctx is not None:
            events = _within_context(events, asked, wire.options)
        naming = partial(named, translate.names_of(wire), too_long="messages" if chat else "prompt")
        if wire.streams:
            return StreamedAnswer(_lines(events, Lines(**said), naming), NDJSON, last_words)
        with naming():
            whole = await while_connected(request.receive, collect(events))
        return JSONBytes(from_whole(whole, **said))

    async def _within_context(
        events: AsyncGenerator[Event, None], asked: GenerationRequest, options: Options
    ) -> AsyncGenerator[Event, None]:
        """The events, when the model has the context that is asked for."""
        model = base_of(asked.model)
        async with residents.use(model, asked.keep_alive_s):
            check_context(options, (await models.card(model)).context_length)
            async with aclosing(events):
                async for event in events:
                    yield event

    async def _reside(wire: schemas.Asking, request: Request, *, chat: bool) -> Response:
        """Load the model, or unload it."""
        name = await names.known(wire.model)
        keep_s = keep_alive_s(wire.keep_alive)

        async def load() -> None:
            await catalog.find(base_of(name))
            if keep_s == 0:
                await residents.release(base_of(name))
                return
            async with residents.use(base_of(name), keep_s):
                check_context(wire.options, (await models.card(base_of(name))).context_length)
                if name != base_of(name):
                    await catalog.find(name)

        await while_connected(request.receive, load())
        reason = "unload" if keep_s == 0 else "load"
        return JSONBytes(from_residence(chat=chat, model=wire.model, created_at=_now(), reason=reason))

    return router


async def _lines(
    events: AsyncGenerator[Event, None], lines: Lines, naming: Callable[[], AbstractContextManager[None]]
) -> AsyncGenerator[bytes, None]:
    with naming():
        async with aclosing(events):
            async for event in events:
                if isinstance(event, TextDelta):
                    yield lines.text(event)
                elif isinstance(event, ReasoningDelta):
                    yield lines.thought(event)
                elif isinstance(event, Finished):
                    yield lines.end(event)
                elif line := lines.call(event):
                    yield line


def _now() -> str:
    return datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")

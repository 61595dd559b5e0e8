"""HTTP of Ollama's answers: translate in, ask, translate out, return.

Knows paths and statuses; what answers is handed in.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from fastapi import APIRouter, Request, Response

from gateway.dialects.collecting import collect
from gateway.dialects.framing import NDJSON, JSONBytes, StreamedAnswer, while_connected
from gateway.dialects.ollama.durations import keep_alive_s
from gateway.dialects.ollama.failed import last_words, named, responses
from gateway.dialects.ollama.generation import schemas, translate
from gateway.dialects.ollama.generation.answers import Lines, from_residence, from_whole
from gateway.dialects.ollama.generation.options import Options, check_context
from gateway.dialects.ollama.names import Names, base_of
from gateway.dialects.ollama.wire import AnyContentType
from gateway.domain.generation import Event, Finished, GenerationRequest, ReasoningDelta, TextDelta
from gateway.domain.ports import Answering, Catalog, Models, Residents

# Fields of ours whose names here are others.
_CHAT_FIELDS = {"chat_template": "template", "reasoning_effort": "think", "response_format": "format"}
_GENERATE_FIELDS = _CHAT_FIELDS | {"messages": "prompt"}

_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {NDJSON: {"schema": {"type": "string"}, "example": '{"model": "demo", "done": false}\n'}}}
}
_RESPONSES = _STREAM | responses(400, 404, 415, 503, 504)


def generation_router(
    answering: Answering, catalog: Catalog, models: Models, residents: Residents, names: Names
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
        return await _answer(wire, translate.to_generation(wire), request, chat=False)

    @router.post("/chat", summary="Answer a conversation", response_model=schemas.ChatResponse, responses=_RESPONSES)
    async def chat(wire: schemas.ChatRequest, request: Request) -> Response:
        if wire.asks_nothing:
            return await _reside(wire, request, chat=True)
        return await _answer(wire, translate.to_chat(wire), request, chat=True)

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
        fields = _CHAT_FIELDS if chat else _GENERATE_FIELDS
        if wire.streams:
            return StreamedAnswer(_lines(events, Lines(**said), fields), NDJSON, last_words)
        with named(fields):
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
    events: AsyncGenerator[Event, None], lines: Lines, fields: Mapping[str, str]
) -> AsyncGenerator[bytes, None]:
    with named(fields):
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

"""HTTP of OpenAI's API: translate in, ask, translate out, return.

Knows paths and statuses; what answers is handed in.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request, Response

from gateway.dialects.collecting import collect, interleave
from gateway.dialects.failures import from_exception
from gateway.dialects.framing import EVENT_STREAM, JSONBytes, StreamedAnswer, while_connected
from gateway.dialects.openai import schemas, translate
from gateway.domain.generation import Finished, TextDelta
from gateway.domain.ports import Answering, Catalog

_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": schemas.ErrorBody, "description": "A field is wrong or cannot be honoured; it is named"},
    401: {"model": schemas.ErrorBody, "description": "No key, or a wrong one"},
    404: {"model": schemas.ErrorBody, "description": "No such model; those that are installed are named"},
    413: {"model": schemas.ErrorBody, "description": "The body is too large"},
    500: {"model": schemas.ErrorBody, "description": "The engine failed"},
    503: {"model": schemas.ErrorBody, "description": "Too much to do, or no engine; see Retry-After"},
    504: {"model": schemas.ErrorBody, "description": "The engine did not answer in time"},
}


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    # With a default there is no 422, FastAPI's own idea of a wrong body, which is never sent.
    anything_else: dict[str, Any] = {"model": schemas.ErrorBody, "description": "Any other failure"}
    return {**{status: _ERRORS[status] for status in statuses}, "default": anything_else}


def _answers(*, stream_of: str) -> dict[int | str, dict[str, Any]]:
    stream = {"schema": {"type": "string"}, "example": f'data: {{"object": "{stream_of}", ...}}\n\ndata: [DONE]\n\n'}
    return {200: {"content": {EVENT_STREAM: stream}}} | _errors(400, 401, 404, 413, 500, 503, 504)


def openai_router(answering: Answering, catalog: Catalog) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["openai"])

    @router.post(
        "/chat/completions",
        summary="Answer a conversation",
        response_model=schemas.ChatCompletion,
        responses=_answers(stream_of="chat.completion.chunk"),
    )
    async def chat_completions(wire: schemas.ChatCompletionRequest, request: Request) -> Response:
        names = _names("chatcmpl")
        events = answering.answer(translate.to_generation(wire))
        if wire.stream:
            return _stream(_chat_frames(events, translate.ChatChunks(wire, **names)))
        whole = await while_connected(request.receive, collect(events))
        return JSONBytes(translate.from_whole(whole, wire, **names))

    @router.post(
        "/completions",
        summary="Continue a text",
        response_model=schemas.Completion,
        responses=_answers(stream_of="text_completion"),
    )
    async def completions(wire: schemas.CompletionRequest, request: Request) -> Response:
        names = _names("cmpl")
        asked = translate.to_generations(wire)
        if wire.stream:
            answers = [answering.answer(each) for each in asked]
            return _stream(_completion_frames(answers, translate.CompletionChunks(wire, asked, **names)))
        collected = _collect_all([answering.answer(each) for each in asked])
        wholes = await while_connected(request.receive, collected)
        return JSONBytes(translate.from_wholes(wholes, asked, wire, **names))

    @router.get("/models", summary="The models that are installed", responses=_errors(401, 503))
    async def models() -> schemas.ModelList:
        return schemas.ModelList(data=[schemas.Model(**translate.from_model(each)) for each in await catalog.served()])

    # `path`, so that a name with a slash in it is a name.
    @router.get("/models/{model:path}", summary="One model", responses=_errors(401, 404, 503))
    async def model(model: str) -> schemas.Model:
        return schemas.Model(**translate.from_model(await catalog.find(model)))

    return router


def _names(prefix: str) -> dict[str, Any]:
    return {"answer_id": f"{prefix}-{uuid.uuid4().hex}", "created": int(time.time())}


def _stream(frames: AsyncGenerator[bytes, None]) -> StreamedAnswer:
    return StreamedAnswer(frames, EVENT_STREAM, lambda error: translate.last_words(from_exception(error)))


async def _chat_frames(events: Any, chunks: translate.ChatChunks) -> AsyncGenerator[bytes, None]:
    async with aclosing(events):
        async for event in events:
            if isinstance(event, TextDelta):
                yield chunks.delta(event)
            elif isinstance(event, Finished):
                yield chunks.end(event)


async def _completion_frames(answers: Any, chunks: translate.CompletionChunks) -> AsyncGenerator[bytes, None]:
    async with aclosing(interleave(answers)) as events:
        async for number, event in events:
            if isinstance(event, TextDelta):
                yield chunks.delta(number, event)
            elif isinstance(event, Finished):
                yield chunks.end_of(number, event)
    yield chunks.end()


async def _collect_all(answers: Any) -> list[Any]:
    """Every answer whole. The first error ends them all."""
    collecting = [asyncio.ensure_future(collect(each)) for each in answers]
    try:
        return list(await asyncio.gather(*collecting))
    finally:
        for each in collecting:
            each.cancel()
        await asyncio.gather(*collecting, return_exceptions=True)

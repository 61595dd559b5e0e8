"""HTTP of text completions: translate in, ask, translate out, return.

Knows a path; what answers is handed in.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from fastapi import APIRouter, Request, Response

from gateway.dialects.collecting import Whole, collect, interleave
from gateway.dialects.framing import JSONBytes, while_connected
from gateway.dialects.naming import named
from gateway.dialects.openai.completions import schemas, translate
from gateway.dialects.openai.completions.chunks import CompletionChunks
from gateway.dialects.openai.streaming import answered_by, new_answer, stream
from gateway.domain.generation import Event, Finished, TextDelta
from gateway.domain.ports import Answering


def add_completions(router: APIRouter, answering: Answering) -> None:
    @router.post(
        "/completions",
        summary="Continue a text",
        response_model=schemas.Completion,
        responses=answered_by(stream_of="text_completion"),
    )
    async def completions(wire: schemas.CompletionRequest, request: Request) -> Response:
        names = new_answer("cmpl")
        asked = translate.to_generations(wire)
        events = [answering.answer(each) for each in asked]
        if wire.stream:
            return stream(_frames(events, CompletionChunks(wire, asked, **names), wire))
        with named(translate.names_of(wire), too_long="prompt"):
            wholes = await while_connected(request.receive, _collect_all(events))
        return JSONBytes(translate.from_wholes(wholes, asked, wire, **names))


async def _frames(
    answers: Sequence[AsyncGenerator[Event, None]], chunks: CompletionChunks, wire: schemas.CompletionRequest
) -> AsyncGenerator[bytes, None]:
    with named(translate.names_of(wire), too_long="prompt"):
        async with aclosing(interleave(answers)) as events:
            async for number, event in events:
                if isinstance(event, TextDelta):
                    yield chunks.delta(number, event)
                elif isinstance(event, Finished):
                    yield chunks.end_of(number, event)
    yield chunks.end()


async def _collect_all(answers: Sequence[AsyncGenerator[Event, None]]) -> list[Whole]:
    """Every answer whole. The first error ends them all."""
    collecting = [asyncio.ensure_future(collect(each)) for each in answers]
    try:
        return list(await asyncio.gather(*collecting))
    finally:
        for each in collecting:
            each.cancel()
        await asyncio.gather(*collecting, return_exceptions=True)

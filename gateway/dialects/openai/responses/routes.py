"""HTTP of responses: translate in, ask, translate out, keep, return; and what was kept.

Knows paths; what answers, what keeps responses and what fetches pictures is handed in.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from gateway.dialects.bodies import JSONRoute
from gateway.dialects.failures import from_exception
from gateway.dialects.framing import EVENT_SCHEMA, EVENT_STREAM, JSONBytes, StreamedAnswer, while_connected
from gateway.dialects.naming import named
from gateway.dialects.openai.chat.routes import fetched
from gateway.dialects.openai.responses import schemas, translate
from gateway.dialects.openai.responses.events import ResponseEvents
from gateway.dialects.openai.responses.items import pictures_of
from gateway.dialects.openai.responses.listing import check_query, page
from gateway.dialects.openai.responses.output import Output
from gateway.dialects.openai.wire import failures
from gateway.domain.generation import Event, Finished
from gateway.domain.ports import Answering, LoadPicture
from gateway.stored_responses import StoredResponse, StoredResponses
from modelyard.errors import FieldRefused, GenerationBroken, InvalidInput, ResponseNotFound

_EXAMPLE = 'event: response.created\ndata: {"type": "response.created", "sequence_number": 0, ...}\n\n'
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {EVENT_STREAM: {"schema": EVENT_SCHEMA, "example": _EXAMPLE}}}
}


@dataclass(frozen=True)
class _Asked:
    """One request, with what it goes on from."""

    wire: schemas.ResponseRequest
    response: dict[str, Any]
    output: Output
    before: tuple[bytes, ...]
    stem: str


def responses_router(answering: Answering, store: StoredResponses, load_picture: LoadPicture) -> APIRouter:
    router = APIRouter(prefix="/v1/responses", tags=["openai"], route_class=JSONRoute)

    @router.post(
        "",
        summary="Answer items of a conversation",
        response_model=schemas.Response,
        responses={**failures(415), **_STREAM},
    )
    async def create(wire: schemas.ResponseRequest, request: Request) -> Response:
        asked = await begun(wire)
        items = translate.read_stored(asked.before)
        wanted = pictures_of(items, translate.own_items(wire))
        pictures = await while_connected(request.receive, fetched(wanted, load_picture)) if wanted else []
        events = _named(answering.answer(translate.to_generation(wire, items, pictures)), wire)
        if wire.stream:
            logprobs = translate.shown_logprobs(wire) is not None
            made = ResponseEvents(asked.response, asked.output, now=_now, logprobs=logprobs)
            return StreamedAnswer(
                frames(events, made, asked), EVENT_STREAM, lambda error: made.broken(from_exception(error))
            )
        finished = await while_connected(request.receive, _collect(events, asked.output))
        response = translate.from_finished(asked.response, asked.output, finished, now=_now())
        await keep(response, asked)
        return JSONBytes(response)

    @router.get(
        "/{response_id}",
        summary="A response that was kept",
        response_model=schemas.Response,
        responses=failures(),
    )
    async def retrieve(response_id: str, request: Request) -> Response:
        check_query(request.query_params.multi_items())
        return Response((await found(response_id)).response, media_type="application/json")

    @router.delete(
        "/{response_id}",
        summary="Forget a response",
        response_model=schemas.Deleted,
        responses=failures(),
    )
    async def delete(response_id: str, request: Request) -> Response:
        check_query(request.query_params.multi_items())
        if not await store.forget(response_id):
            raise ResponseNotFound(response_id)
        return JSONBytes({"id": response_id, "object": "response", "deleted": True})

    @router.get(
        "/{response_id}/input_items",
        summary="What the model was shown for a response",
        response_model=schemas.ItemList,
        responses=failures(),
    )
    async def input_items(
        response_id: str,
        request: Request,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        order: Literal["asc", "desc"] = "desc",
        after: str | None = None,
    ) -> Response:
        check_query(request.query_params.multi_items(), ("limit", "order", "after"))
        return JSONBytes(page((await found(response_id)).items, limit=limit, order=order, after=after))

    @router.post(
        "/{response_id}/cancel", summary="Refused: no response is made in the background", responses=failures()
    )
    async def cancel(response_id: str) -> Response:
        await found(response_id)
        raise InvalidInput(
            "only a response that is made in the background can be cancelled, and none is",
            field="response_id",
            hint="close the connection to end an answer that is coming",
        )

    async def found(response_id: str) -> StoredResponse:
        stored = await store.find(response_id)
        if stored is None:
            raise ResponseNotFound(response_id)
        return stored

    async def begun(wire: schemas.ResponseRequest) -> _Asked:
        if wire.store and not store.keeps:
            raise FieldRefused("store", "this service keeps no responses; send false or leave it out")
        before: tuple[bytes, ...] = ()
        if wire.previous_response_id is not None:
            previous = await store.find(wire.previous_response_id)
            if previous is None:
                raise InvalidInput(
                    f"'previous_response_id': {ResponseNotFound(wire.previous_response_id).message}",
                    field="previous_response_id",
                    hint="send the items of the conversation in 'input'",
                )
            before = translate.items_after(previous)
        stem = uuid.uuid4().hex
        stored = store.keeps and wire.store is not False
        response = translate.begun(wire, answer_id=f"resp_{stem}", created=_now(), store=stored)
        return _Asked(wire, response, Output(stem, top=translate.shown_logprobs(wire)), before, stem)

    async def keep(response: dict[str, Any], asked: _Asked) -> None:
        if response["store"]:
            await store.keep(translate.to_stored(response, asked.wire, asked.before, stem=asked.stem))

    async def frames(
        events: AsyncGenerator[Event, None], made: ResponseEvents, asked: _Asked
    ) -> AsyncGenerator[bytes, None]:
        async with aclosing(events):
            async for event in events:
                frame = made.of(event)
                if isinstance(event, Finished):
                    # Before the client knows of its end, so that it can go on from it at once.
                    await keep(made.response, asked)
                if frame:
                    yield frame

    return router


async def _named(events: AsyncGenerator[Event, None], wire: schemas.ResponseRequest) -> AsyncGenerator[Event, None]:
    with named(translate.names_of(wire), too_long="input"):
        async with aclosing(events):
            async for event in events:
                yield event


async def _collect(events: AsyncGenerator[Event, None], output: Output) -> Finished:
    """Raises GenerationBroken when the events end without `Finished`."""
    finished: Finished | None = None
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Finished):
                finished = event
                output.finish()
            else:
                output.add(event)
    if finished is None:
        raise GenerationBroken
    return finished


def _now() -> int:
    return int(time.time())

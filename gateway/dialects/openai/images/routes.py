"""HTTP of /v1/images: translate in, ask, translate out, return; and the files behind the addresses it answers with."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from gateway.dialects.bodies import JSONRoute
from gateway.dialects.failures import from_exception
from gateway.dialects.forms import form_body, read_form
from gateway.dialects.framing import EVENT_SCHEMA, EVENT_STREAM, JSONBytes, StreamedAnswer, sse, while_connected
from gateway.dialects.naming import named
from gateway.dialects.openai.images import schemas, translate
from gateway.dialects.openai.translate import last_words
from gateway.dialects.openai.wire import failures
from gateway.domain.drawing import Drawing, Drawn, DrawRequest
from gateway.media.kept_files import KeptFile, KeptFiles
from gateway.media.masks import checked, converted
from modelyard.errors import EngineError

Kind = Literal["image_generation", "image_edit"]
_FILE = "picture"  # the route's own name, by which its address is made


def images_router(drawing: Drawing, files: KeptFiles, default_model: Callable[[], Awaitable[str]]) -> APIRouter:
    """`default_model` names the model of a request that names none; it raises EntryNotFound."""
    router = APIRouter(prefix="/v1/images", tags=["openai"], route_class=JSONRoute)

    @router.post(
        "/generations",
        summary="Pictures of a description",
        response_model=schemas.Images,
        responses=_answers("image_generation"),
    )
    async def generations(wire: schemas.ImageGenerationRequest, request: Request) -> Response:
        asked = translate.to_draw(wire, wire.model or await default_model())
        return await answer(request, wire, asked, "image_generation")

    @router.post(
        "/edits",
        summary="An image changed, or filled in where a mask says so",
        response_model=schemas.Images,
        responses=_answers("image_edit"),
        openapi_extra=form_body(schemas.ImageEditRequest),
    )
    async def edits(request: Request) -> Response:
        wire = await read_form(request, schemas.ImageEditRequest)
        image, mask = await asyncio.to_thread(checked, wire.image[0], wire.mask)
        asked = translate.to_draw(wire, wire.model or await default_model(), image=image, mask=mask)
        return await answer(request, wire, asked, "image_edit")

    @router.post(
        "/variations",
        summary="Pictures that are like an image",
        response_model=schemas.Images,
        responses=_answers("image_edit"),
        openapi_extra=form_body(schemas.ImageVariationRequest),
    )
    async def variations(request: Request) -> Response:
        wire = await read_form(request, schemas.ImageVariationRequest)
        image, _ = await asyncio.to_thread(checked, wire.image, None)
        asked = translate.to_draw(wire, wire.model or await default_model(), image=image)
        return await answer(request, wire, asked, "image_edit")

    @router.get(
        "/files/{name}",
        name=_FILE,
        summary="A picture that was asked for as an address",
        response_class=Response,
        responses={200: {"content": {"image/png": {}, "image/jpeg": {}, "image/webp": {}}}, **failures()},
    )
    async def file(name: str) -> Response:
        found = await files.find(name)
        if found is None:
            raise HTTPException(404)
        caching = {"Cache-Control": f"private, max-age={files.seconds}, immutable"}
        return Response(found.data, media_type=found.media_type, headers=caching)

    async def answer(request: Request, wire: schemas.Drawn, asked: DrawRequest, kind: Kind) -> Response:
        created = int(time.time())
        if wire.stream:
            return StreamedAnswer(
                _events(drawing, wire, asked, kind, created),
                EVENT_STREAM,
                lambda error: last_words(from_exception(error)),
            )
        made, size = await while_connected(request.receive, _pictures(drawing, wire, asked))
        urls = None
        if wire.response_format == "url":
            media_type = f"image/{translate.picture_format(wire)[0]}"
            names = [await files.keep(KeptFile(each, media_type)) for each in made]
            urls = [str(request.url_for(_FILE, name=name)) for name in names]
        return JSONBytes(translate.from_files(made, wire, created=created, size=size, urls=urls))

    return router


async def _pictures(drawing: Drawing, wire: schemas.Drawn, asked: DrawRequest) -> tuple[list[bytes], str]:
    """The files in the format that is wanted, and their size."""
    with named(translate.FIELDS, too_long="prompt"):
        async with aclosing(drawing.draw(asked)) as events:
            async for event in events:
                if isinstance(event, Drawn):
                    size = translate.size_of(event.images[0])
                    form = translate.picture_format(wire)
                    return [await asyncio.to_thread(converted, each, *form) for each in event.images], size
    raise EngineError(f"the model '{asked.model}' ended without a picture")


async def _events(
    drawing: Drawing, wire: schemas.Drawn, asked: DrawRequest, kind: Kind, created: int
) -> AsyncGenerator[bytes, None]:
    made, size = await _pictures(drawing, wire, asked)
    for each in made:
        yield sse(translate.completed(each, wire, created=created, size=size, kind=kind))


def _answers(kind: Kind) -> dict[int | str, dict[str, Any]]:
    stream = {"schema": EVENT_SCHEMA, "example": f'data: {{"type": "{kind}.completed", "b64_json": "..."}}\n\n'}
    return {200: {"content": {EVENT_STREAM: stream}}, **failures(415)}

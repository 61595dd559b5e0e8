"""HTTP of Ollama's models: what is installed, shown, loaded, fetched, copied, made and removed.

Knows paths and statuses; what keeps the models is handed in.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request, Response

import modelyard
from gateway.dialects.framing import NDJSON, JSONBytes, StreamedAnswer, while_connected
from gateway.dialects.naming import named
from gateway.dialects.ollama.failed import last_words, responses
from gateway.dialects.ollama.generation.options import check_context
from gateway.dialects.ollama.library import schemas, translate
from gateway.dialects.ollama.lines import line
from gateway.dialects.ollama.names import Names, base_of, plain
from gateway.dialects.ollama.wire import AnyContentType
from gateway.domain.library import InstalledModel, JobProgress, Library
from gateway.domain.ports import Catalog, Models, Residents
from modelyard.card import ModelCard
from modelyard.errors import EntryExists, EntryNotFound, FieldRefused, InvalidInput, NoRepository

# The Ollama whose API this is. Clients compare it with the one that they need.
API_VERSION = "0.13.0"

_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {NDJSON: {"schema": {"type": "string"}, "example": '{"status": "success"}\n'}}}
}
_CHANGES = responses(400, 404, 409, 415, 503, 504)

# Fields of ours whose names here are others.
_FIELDS = {"source": "model", "name": "model", "base": "from"}

AbilitiesOf = Callable[[ModelCard], Collection[str]]


def library_router(
    library: Library,
    catalog: Catalog,
    models: Models,
    residents: Residents,
    abilities_of: AbilitiesOf,
    names: Names,
) -> APIRouter:
    router = APIRouter(tags=["ollama"], route_class=AnyContentType)

    @router.api_route("/", methods=["GET", "HEAD"], summary="Whether anybody is there", include_in_schema=False)
    async def root() -> Response:
        return Response("Modelyard is running\n", media_type="text/plain")

    @router.head("/api/version", include_in_schema=False)
    @router.get("/api/version", summary="The version", responses=responses())
    async def version() -> schemas.VersionResponse:
        return schemas.VersionResponse(version=API_VERSION, modelyard=modelyard.__version__)

    @router.head("/api/tags", include_in_schema=False)
    @router.get(
        "/api/tags",
        summary="The models that are installed",
        response_model=schemas.ListResponse,
        responses=responses(503),
    )
    async def tags() -> Response:
        return JSONBytes(translate.from_served(await catalog.served(), await _installed()))

    @router.get(
        "/api/ps", summary="The models in memory", response_model=schemas.ProcessResponse, responses=responses(503)
    )
    async def ps() -> Response:
        return JSONBytes(translate.from_resident(await residents.resident(), await _installed()))

    @router.post(
        "/api/show",
        summary="What is known of a model",
        response_model=schemas.ShowResponse,
        responses=responses(400, 404, 415, 503, 504),
    )
    async def show(wire: schemas.ShowRequest, request: Request) -> Response:
        found = await while_connected(request.receive, _find(wire.called))
        return JSONBytes(translate.from_installed(found, abilities_of(found.card)))

    @router.post(
        "/api/pull", summary="Fetch a model", response_model=schemas.ProgressResponse, responses=_STREAM | _CHANGES
    )
    async def pull(wire: schemas.PullRequest, request: Request) -> Response:
        return await _told(_pulled(wire), request, streams=wire.streams)

    @router.post(
        "/api/create",
        summary="Make a model of another",
        response_model=schemas.ProgressResponse,
        responses=_STREAM | _CHANGES,
    )
    async def create(wire: schemas.CreateRequest, request: Request) -> Response:
        return await _told(_created(wire), request, streams=wire.streams)

    @router.post("/api/copy", summary="Copy a model", response_class=Response, responses=_CHANGES)
    async def copy(wire: schemas.CopyRequest) -> Response:
        with named({"name": "destination"}):
            await library.copy(await names.ours(wire.source), plain(wire.destination))
        return Response()

    @router.delete("/api/delete", summary="Remove a model", response_class=Response, responses=_CHANGES)
    async def delete(wire: schemas.DeleteRequest) -> Response:
        await library.remove(await names.ours(wire.called))
        return Response()

    @router.post("/api/push", include_in_schema=False)
    async def push() -> Response:
        raise InvalidInput(
            "models are not pushed from here", hint="'modelyard export' writes one to a file that others can import"
        )

    @router.head("/api/blobs/{digest}", include_in_schema=False)
    async def blob_is_there(digest: str) -> Response:
        return Response(status_code=404)

    @router.post("/api/blobs/{digest}", include_in_schema=False)
    async def blob(digest: str) -> Response:
        raise InvalidInput("weights are not uploaded", hint="use 'modelyard convert' on the host where they are")

    async def _installed() -> dict[str, InstalledModel]:
        try:
            return {each.name: each for each in await library.installed()}
        except NoRepository:
            return {}

    async def _find(called: str) -> InstalledModel:
        """What is recorded of a model, or where it is on another host its card."""
        name = await names.known(called)
        base = base_of(name)
        if name != base:
            await catalog.find(name)
        try:
            return await library.find(base)
        except (EntryNotFound, NoRepository):
            await catalog.find(base)
            return InstalledModel(base, await models.card(base))

    async def _pulled(wire: schemas.PullRequest) -> AsyncGenerator[JobProgress, None]:
        async with aclosing(library.pull(translate.to_pull(wire))) as events:
            try:
                with named(_FIELDS):
                    async for event in events:
                        yield event
            except EntryExists:
                # A pull is asked for again and again by scripts that want the model to be there.
                yield JobProgress("the model is there already")

    async def _created(wire: schemas.CreateRequest) -> AsyncGenerator[JobProgress, None]:
        request, parameters = translate.to_variant(wire)
        request = replace(request, base=await names.ours(request.base))
        if request.name == request.base:
            raise FieldRefused("from", "a model cannot be made of itself; give it a name of its own")
        base = None
        async with aclosing(library.create(request)) as events:
            with named(_FIELDS):
                async for event in events:
                    if base is None:
                        # After the library has said whether anything may be made, and before the first word of
                        # progress is told, so that a model that is missing is a status.
                        base = await library.find(request.base)
                        check_context(parameters, base.card.context_length)
                    yield event

    return router


async def _told(events: AsyncGenerator[JobProgress, None], request: Request, *, streams: bool) -> Response:
    """The progress of a job line by line, or at its end that it has succeeded."""
    if streams:
        return StreamedAnswer(_lines(events), NDJSON, last_words)
    await while_connected(request.receive, _all(events))
    return JSONBytes({"status": "success"})


async def _all(events: AsyncGenerator[JobProgress, None]) -> None:
    async with aclosing(events):
        async for _ in events:
            pass


async def _lines(events: AsyncGenerator[JobProgress, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(events):
        async for event in events:
            yield line(translate.from_progress(event))
    yield line({"status": "success"})

"""HTTP of managing models: fetch, the jobs that do it, remove.

Knows paths and statuses; what does the work is handed in.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Response

from gateway.dialects.bodies import JSONRoute
from gateway.dialects.failures import from_exception
from gateway.dialects.framing import EVENT_SCHEMA, EVENT_STREAM, SSE_DONE, JSONBytes, StreamedAnswer, sse
from gateway.dialects.naming import named
from gateway.dialects.openai.management import schemas, translate
from gateway.dialects.openai.schemas import ErrorBody
from gateway.dialects.openai.translate import last_words
from gateway.dialects.statuses import failing
from gateway.domain.library import Jobs, Library

_NO_JOB = {404: "No such job"}
_STREAM: dict[str, Any] = {
    "schema": EVENT_SCHEMA,
    "example": 'data: {"object": "job.progress", ...}\n\ndata: {"object": "job", ...}\n\ndata: [DONE]\n\n',
}


def _responses(
    *failing_with: int, stream: str | None = None, meanings: dict[int, str] | None = None
) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route that may fail so; `stream` says when it answers with a stream."""
    known = failing(ErrorBody, *failing_with, meanings=meanings)
    if stream is not None:
        known[200] = {"description": stream, "content": {EVENT_STREAM: _STREAM}}
    return known


def management_router(library: Library, jobs: Jobs) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["models"], route_class=JSONRoute)

    def followed(id: str) -> StreamedAnswer:
        jobs.job(id)  # one that does not exist is a 404 before the stream begins
        return StreamedAnswer(_events(jobs, id), EVENT_STREAM, lambda error: last_words(from_exception(error)))

    @router.post(
        "/models/pull",
        summary="Fetch a model from the hub and make it servable",
        status_code=202,
        response_model=schemas.JobBody,
        responses=_responses(400, 404, 409, 415, 503, stream="The job's progress, with stream"),
    )
    async def pull(wire: schemas.PullBody) -> Response:
        with named(translate.names_of(wire)):
            job = await jobs.start(translate.to_pull(wire))
        if wire.stream:
            return followed(job.id)
        return JSONBytes(translate.from_job(job), status_code=202, headers={"Location": f"/v1/jobs/{job.id}"})

    @router.get("/jobs", summary="The jobs in progress and the last that ended", responses=_responses())
    async def list_jobs() -> schemas.JobList:
        return schemas.JobList(data=[schemas.JobBody(**translate.from_job(each)) for each in jobs.jobs()])

    @router.get("/jobs/{job}", summary="One job", responses=_responses(404, meanings=_NO_JOB))
    async def one_job(job: str) -> schemas.JobBody:
        return schemas.JobBody(**translate.from_job(jobs.job(job)))

    @router.get(
        "/jobs/{job}/events",
        summary="A job's progress, from what is known so far to its end",
        response_class=Response,
        responses=_responses(404, stream="The job's progress", meanings=_NO_JOB),
    )
    async def events(job: str) -> Response:
        return followed(job)

    @router.delete("/jobs/{job}", summary="Cancel a job", responses=_responses(404, 409, meanings=_NO_JOB))
    async def cancel(job: str) -> schemas.JobBody:
        return schemas.JobBody(**translate.from_job(await jobs.cancel(job)))

    # `path`, so that a name with a slash in it is a name.
    @router.delete(
        "/models/{model:path}",
        summary="Unload a model and remove its files",
        responses=_responses(404, 409, 503, 504),
    )
    async def delete(model: str) -> schemas.Deleted:
        await library.remove(model)
        return schemas.Deleted(id=model)

    return router


async def _events(jobs: Jobs, id: str) -> AsyncGenerator[bytes, None]:
    """The job as it stands, what becomes of it, and the job as it ended."""
    yield sse(translate.from_job(jobs.job(id)))
    async with aclosing(jobs.follow(id)) as progress:
        async for each in progress:
            yield sse(translate.from_progress(each, id))
    yield sse(translate.from_job(jobs.job(id)))
    yield SSE_DONE

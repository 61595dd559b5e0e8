"""Bodies of managing models to our requests, and jobs to theirs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.dialects.failures import from_exception
from gateway.dialects.openai.management.schemas import PullBody
from gateway.dialects.openai.translate import from_failure
from gateway.domain.library import Job, JobProgress, PullRequest

_OPTIONS = ("precision", "target", "task", "revision")


def to_pull(wire: PullBody) -> PullRequest:
    given = {name: getattr(wire, name) for name in _OPTIONS}
    options = {name: value for name, value in given.items() if value is not None}
    return PullRequest(wire.source or wire.model or "", wire.name, options)


def names_of(wire: PullBody) -> Mapping[str, str]:
    """The names that the client used for what we call otherwise."""
    return {} if wire.source is not None else {"source": "model"}


def from_job(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "object": "job",
        "status": job.status,
        "source": job.source,
        "model": job.model,
        "created_at": int(job.created.timestamp()),
        "ended_at": int(job.ended.timestamp()) if job.ended is not None else None,
        "step": job.step,
        "completed": sum(file.done or 0 for file in job.files),
        "total": sum(file.total or 0 for file in job.files),
        "error": from_failure(from_exception(job.error))["error"] if job.error is not None else None,
    }


def from_progress(progress: JobProgress, job_id: str) -> dict[str, Any]:
    step = {"object": "job.progress", "id": job_id, "step": progress.step}
    if progress.file is None:
        return step
    return {**step, "file": progress.file, "completed": progress.done, "total": progress.total}

"""The models that are installed and what may be done to them: fetch, copy, remove, make a variant. And who does it.

Knows no dialect; nothing of the models in memory, which `Residents` knows.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from modelyard.card import ModelCard
from modelyard.errors import ModelyardError


@dataclass(frozen=True)
class InstalledModel:
    """An entry and what is recorded of it; what is None is not known. `size` is bytes on disk.

    `digest` is the SHA-256 of what makes the entry what it is, in hexadecimal digits. `on_gpu`: its weights lie in the
    memory of a GPU when it is loaded.
    """

    name: str
    card: ModelCard
    size: int = 0
    digest: str = ""
    modified: datetime | None = None
    architecture: str | None = None
    parameters: int | None = None
    precision: str | None = None
    target: str | None = None
    license: str | None = None
    source: str | None = None
    system: str | None = None
    on_gpu: bool = False


@dataclass(frozen=True)
class PullRequest:
    """`source` is what `modelyard pull` takes (a hub id, hf.co/org/repo:Q4_K_M ...); the others are its options."""

    source: str
    name: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)  # precision, target, task, revision


@dataclass(frozen=True)
class VariantRequest:
    """A model with other manners: `base` with a system message, a template, sampling of its own, adapters."""

    name: str
    base: str
    system: str | None = None
    template: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)  # by vLLM's names, as in a generation_config.json
    license: str | None = None


@dataclass(frozen=True)
class JobProgress:
    """A step of a job in words; with figures in bytes while `file` is fetched."""

    step: str
    file: str | None = None
    done: int | None = None
    total: int | None = None


JobStatus = Literal["queued", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True)
class Job:
    """A pull as it stands: the step it is at, and every file of which bytes have come. `model` is what it makes."""

    id: str
    source: str
    model: str
    status: JobStatus
    created: datetime
    ended: datetime | None = None
    step: str = ""
    files: tuple[JobProgress, ...] = ()
    error: ModelyardError | None = None


class Library(Protocol):
    """Raises EntryNotFound, EntryExists, EntryInUse, EntryBusy, SourceUnavailable, ConversionFailed, InvalidInput,
    NotAllowed where a setting forbids changes, and NoRepository where the models are on other hosts."""

    async def installed(self) -> Sequence[InstalledModel]: ...

    async def find(self, name: str) -> InstalledModel: ...

    def pull(self, request: PullRequest) -> AsyncGenerator[JobProgress, None]:
        """The progress of a fetch and conversion; who asks for the same joins it. Closing the generator leaves the
        job going for as long as somebody else follows it or it was started to go on alone."""
        ...

    async def copy(self, source: str, target: str) -> None: ...

    async def remove(self, name: str) -> None:
        """Unloads it first."""
        ...

    def create(self, request: VariantRequest) -> AsyncGenerator[JobProgress, None]:
        """A model of that name that exists already is replaced."""
        ...


class Jobs(Protocol):
    """Pulls that go on by themselves, whoever looks. Raises JobNotFound."""

    async def start(self, request: PullRequest) -> Job:
        """The job that does it; the one that is at it already, where there is one. Raises EntryBusy, InvalidInput."""
        ...

    def jobs(self) -> Sequence[Job]:
        """Those in progress and the last that ended, the oldest first."""
        ...

    def job(self, id: str) -> Job: ...

    def follow(self, id: str) -> AsyncGenerator[JobProgress, None]:
        """What is known so far, then what comes, until the job has ended, in whatever way."""
        ...

    async def cancel(self, id: str) -> Job:
        """The job when it has stopped and cleared up; one that had ended stays as it was."""
        ...

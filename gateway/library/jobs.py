"""The pulls in progress: one for each model, a few at a time, each with all that has become of it so far.

Who asks for the same joins. A pull that was started as a job goes on by itself; one that was only followed ends with
its last follower. Does not know how a model is fetched.
"""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import datetime, timezone

import structlog

from gateway.domain.library import Job, JobProgress, JobStatus, PullRequest
from gateway.library.wishes import Wish, to_wish
from modelyard.errors import ConversionFailed, EngineUnavailable, EntryBusy, JobNotFound, ModelyardError, Overloaded

_MOST = 100  # jobs that wait or are in progress
_KEPT = 100  # jobs that ended and can still be asked for

log = structlog.get_logger(__name__)

Bring = Callable[[Wish, Callable[[JobProgress], None]], Awaitable[None]]


class Pulls:
    """Fits `Jobs` of the domain. `may_change` raises where nothing may be pulled; `bring` does the work."""

    def __init__(self, bring: Bring, *, may_change: Callable[[], None], limit: int) -> None:
        self._bring = bring
        self._may_change = may_change
        self._turns = asyncio.Semaphore(limit)
        self._jobs: dict[str, _Pull] = {}
        self._at_work: dict[str, _Pull] = {}  # by the model they make
        self._closed = False

    async def start(self, request: PullRequest) -> Job:
        pull = await self._join(request)
        pull.alone = True
        return pull.as_job()

    def jobs(self) -> Sequence[Job]:
        return [pull.as_job() for pull in self._jobs.values()]

    def job(self, id: str) -> Job:
        return self._named(id).as_job()

    def follow(self, id: str) -> AsyncGenerator[JobProgress, None]:
        return self._named(id).progress()

    async def cancel(self, id: str) -> Job:
        self._may_change()
        pull = self._named(id)
        pull.stop()
        await asyncio.wait({pull.task})
        return pull.as_job()

    async def pull(self, request: PullRequest) -> AsyncGenerator[JobProgress, None]:
        """As `Library.pull`."""
        pull = await self._join(request)
        pull.followers += 1
        try:
            async with aclosing(pull.progress()) as progress:
                async for each in progress:
                    yield each
        finally:
            pull.followers -= 1
            if not pull.followers and not pull.alone:
                pull.stop()
        if pull.error is not None:
            raise pull.error
        if pull.status == "cancelled":
            raise ConversionFailed(f"the pull of {pull.wish.source} was cancelled")

    def is_making(self, name: str) -> bool:
        return name in self._at_work

    def stop(self) -> None:
        """Cancel all of them, take no more, and wait for none."""
        self._closed = True
        for pull in self._at_work.values():
            pull.stop()

    async def close(self) -> None:
        """Cancel all of them, and wait until they have cleared up."""
        self.stop()
        if tasks := {pull.task for pull in self._at_work.values()}:
            await asyncio.wait(tasks)

    async def _join(self, request: PullRequest) -> _Pull:
        self._may_change()
        if self._closed:
            raise EngineUnavailable("the gateway is stopping; please try again")
        wish = to_wish(request)
        # One that was told to stop still clears up; the next begins after it.
        while (pull := self._at_work.get(wish.name)) is not None and pull.stopping:
            await asyncio.wait({pull.task})
        if pull is not None:
            if pull.wish != wish:
                raise EntryBusy(wish.name)
            return pull
        if len(self._at_work) >= _MOST:
            raise Overloaded(_MOST, retry_after_s=60)
        pull = _Pull(wish)
        self._jobs[pull.id] = self._at_work[wish.name] = pull
        pull.task = asyncio.create_task(self._run(pull), name=f"pull {wish.name}")
        pull.task.add_done_callback(lambda task: self._ended(pull, task))
        return pull

    async def _run(self, pull: _Pull) -> None:
        async with self._turns:
            pull.status = "running"
            await self._bring(pull.wish, pull.tell)

    def _ended(self, pull: _Pull, task: asyncio.Task[None]) -> None:
        self._at_work.pop(pull.wish.name, None)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, ModelyardError):
            log.error("a pull failed unexpectedly", source=pull.wish.source, exc_info=error)
            error = ConversionFailed(f"the pull of {pull.wish.source} failed; the gateway's log says why")
        pull.end("cancelled" if task.cancelled() else "done" if error is None else "failed", error)
        ended = [each.id for each in self._jobs.values() if each.ended is not None]
        for id in ended[:-_KEPT]:
            del self._jobs[id]

    def _named(self, id: str) -> _Pull:
        if id not in self._jobs:
            raise JobNotFound(id)
        return self._jobs[id]


class _Pull:
    """One pull and what is known of it. Followers read at their own pace, and only the newest figures of each file."""

    task: asyncio.Task[None]

    def __init__(self, wish: Wish) -> None:
        self.id = f"job-{uuid.uuid4().hex}"
        self.wish = wish
        self.status: JobStatus = "queued"
        self.created = datetime.now(timezone.utc)
        self.ended: datetime | None = None
        self.error: ModelyardError | None = None
        self.followers = 0
        self.alone = False
        self.stopping = False
        self._numbers = itertools.count(1)
        self._last = 0
        self._told: dict[str, tuple[int, JobProgress]] = {}  # the newest of each file, and each step once
        self._step = ""
        self._changed = asyncio.Event()

    def tell(self, progress: JobProgress) -> None:
        if progress.file is None:
            self._step = progress.step
        key = f"step {progress.step}" if progress.file is None else f"file {progress.file}"
        if key in self._told and self._told[key][1] == progress:
            return  # nothing that followers do not know
        self._last = next(self._numbers)
        self._told[key] = (self._last, progress)
        self._wake()

    def stop(self) -> None:
        if not self.stopping:  # a second cancellation would break off the clearing up after the first
            self.stopping = True
            self.task.cancel()

    def end(self, status: JobStatus, error: ModelyardError | None) -> None:
        self.status, self.error, self.ended = status, error, datetime.now(timezone.utc)
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def progress(self) -> AsyncGenerator[JobProgress, None]:
        seen = 0
        while True:
            # Taken together, so that nothing comes between them while a follower is slow.
            changed, ended, last = self._changed, self.ended is not None, self._last
            news = sorted((each for each in self._told.values() if each[0] > seen), key=lambda each: each[0])
            for _, progress in news:
                yield progress
            seen = last
            if ended:
                return
            await changed.wait()

    def as_job(self) -> Job:
        files = tuple(progress for _, progress in self._told.values() if progress.file is not None)
        wish = self.wish
        return Job(
            self.id, wish.source, wish.name, self.status, self.created, self.ended, self._step, files, self.error
        )

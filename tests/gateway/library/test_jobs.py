"""Pulls: one for each model, joined by who asks for the same, a few at a time, and told in full to who comes late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing

import pytest

from gateway.domain.library import JobProgress, PullRequest
from gateway.library.jobs import Pulls
from gateway.library.wishes import Wish
from modelyard.errors import (
    ConversionFailed,
    EngineUnavailable,
    EntryBusy,
    InvalidInput,
    JobNotFound,
    NotAllowed,
    SourceUnavailable,
)

Tell = Callable[[JobProgress], None]
REQUEST = PullRequest("org/m")


class Work:
    """Pulls whose end each test decides. Counts what was begun, and what was cleared up after a cancellation."""

    def __init__(self, *, limit: int = 4) -> None:
        self.begun: list[str] = []
        self.cleared: list[str] = []
        self.tells: dict[str, Tell] = {}
        self.may_end = asyncio.Event()
        self.error: Exception | None = None
        self.pulls = Pulls(self._bring, may_change=lambda: None, limit=limit)

    async def _bring(self, wish: Wish, tell: Tell) -> None:
        self.begun.append(wish.name)
        self.tells[wish.name] = tell
        tell(JobProgress("fetching"))
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            self.cleared.append(wish.name)
            raise
        if self.error is not None:
            raise self.error


async def some_turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def steps_of(pulls: Pulls, request: PullRequest = REQUEST) -> list[JobProgress]:
    return [each async for each in pulls.pull(request)]


async def test_who_asks_for_the_same_joins_and_sees_the_same() -> None:
    work = Work()
    following = [asyncio.create_task(steps_of(work.pulls)) for _ in range(3)]
    await some_turns()
    work.tells["m"](JobProgress("downloading", "a.bin", 1, 9))
    await some_turns()
    late = asyncio.create_task(steps_of(work.pulls, PullRequest("hf.co/org/m")))
    await some_turns()
    work.may_end.set()
    expected = [JobProgress("fetching"), JobProgress("downloading", "a.bin", 1, 9)]
    assert [await each for each in (*following, late)] == [expected] * 4
    assert work.begun == ["m"]
    assert [job.status for job in work.pulls.jobs()] == ["done"]


async def test_a_slow_follower_gets_the_newest_figures_of_each_file() -> None:
    work = Work()
    job = await work.pulls.start(REQUEST)
    await some_turns()
    async with aclosing(work.pulls.follow(job.id)) as progress:
        assert (await anext(progress)).step == "fetching"
        for done in range(1000):
            work.tells["m"](JobProgress("downloading", "a.bin", done, 999))
            work.tells["m"](JobProgress("downloading", "b.bin", done // 2, 999))
        work.tells["m"](JobProgress("publishing"))
        work.tells["m"](JobProgress("downloading", "a.bin", 999, 999))  # said already
        work.may_end.set()
        rest = [each async for each in progress]
    assert [(each.step, each.file, each.done) for each in rest] == [
        ("downloading", "b.bin", 499),
        ("downloading", "a.bin", 999),
        ("publishing", None, None),
    ]
    ended = work.pulls.job(job.id)
    assert (ended.status, ended.step, len(ended.files)) == ("done", "publishing", 2)


async def test_another_pull_of_the_same_name_is_refused() -> None:
    work = Work()
    await work.pulls.start(REQUEST)
    with pytest.raises(EntryBusy):
        await work.pulls.start(PullRequest("other/m"))
    with pytest.raises(EntryBusy):
        await work.pulls.start(PullRequest("org/m", options={"precision": "int8"}))
    await work.pulls.close()


async def test_it_ends_with_its_last_follower() -> None:
    work = Work()
    one, two = (asyncio.create_task(steps_of(work.pulls)) for _ in range(2))
    await some_turns()
    one.cancel()
    await some_turns()
    assert work.cleared == []
    two.cancel()
    await some_turns()
    assert work.cleared == ["m"]
    assert not work.pulls.is_making("m")


async def test_one_that_was_started_as_a_job_goes_on_by_itself() -> None:
    work = Work()
    following = asyncio.create_task(steps_of(work.pulls))
    await some_turns()
    job = await work.pulls.start(REQUEST)
    following.cancel()
    await some_turns()
    assert work.pulls.job(job.id).status == "running"
    work.may_end.set()
    await some_turns()
    assert work.pulls.job(job.id).status == "done"


async def test_a_new_one_waits_until_a_cancelled_one_has_cleared_up() -> None:
    work = Work()
    following = asyncio.create_task(steps_of(work.pulls))
    await some_turns()
    following.cancel()
    await asyncio.sleep(0)
    again = await work.pulls.start(PullRequest("org/m", options={"precision": "int8"}))
    await some_turns()
    assert work.cleared == ["m"]
    assert work.pulls.job(again.id).status == "running"
    await work.pulls.close()


async def test_a_cancelled_job_says_so_to_all_and_stays_cancelled() -> None:
    work = Work()
    following = asyncio.create_task(steps_of(work.pulls))
    await some_turns()
    (job,) = work.pulls.jobs()
    assert (await work.pulls.cancel(job.id)).status == "cancelled"
    assert work.cleared == ["m"]
    with pytest.raises(ConversionFailed, match="cancelled"):
        await following
    assert (await work.pulls.cancel(job.id)).status == "cancelled"


async def test_so_many_at_once_and_the_others_wait() -> None:
    work = Work(limit=2)
    jobs = [await work.pulls.start(PullRequest(f"org/m{number}")) for number in range(3)]
    await some_turns()
    assert [work.pulls.job(job.id).status for job in jobs] == ["running", "running", "queued"]
    await work.pulls.cancel(jobs[2].id)  # one that has not begun
    assert work.pulls.job(jobs[2].id).status == "cancelled"
    await work.pulls.cancel(jobs[0].id)
    last = await work.pulls.start(PullRequest("org/m4"))
    await some_turns()
    assert work.pulls.job(last.id).status == "running"
    await work.pulls.close()
    assert {job.status for job in work.pulls.jobs()} == {"cancelled"}


async def test_a_failure_is_raised_for_followers_and_kept_with_the_job() -> None:
    work = Work()
    work.error = SourceUnavailable("no such model")
    following = asyncio.create_task(steps_of(work.pulls))
    await some_turns()
    work.may_end.set()
    with pytest.raises(SourceUnavailable, match="no such model"):
        await following
    (job,) = work.pulls.jobs()
    assert (job.status, job.error) == ("failed", work.error)


async def test_an_unexpected_failure_shows_nothing_of_itself() -> None:
    work = Work()
    work.error = KeyError("/secret/path")
    work.may_end.set()
    job = await work.pulls.start(REQUEST)
    await some_turns()
    ended = work.pulls.job(job.id)
    assert isinstance(ended.error, ConversionFailed)
    assert "secret" not in str(ended.error)


async def test_what_ended_long_ago_is_forgotten_and_what_never_was_is_not_found() -> None:
    work = Work()
    work.may_end.set()
    first = await work.pulls.start(REQUEST)
    for number in range(100):
        await work.pulls.start(PullRequest(f"org/m{number}"))
        await some_turns()
    assert len(work.pulls.jobs()) == 100
    for id in (first.id, "job-none"):
        with pytest.raises(JobNotFound):
            work.pulls.job(id)


async def test_nothing_begins_where_it_may_not_or_any_more() -> None:
    def refuse() -> None:
        raise NotAllowed("this", "A_SETTING")

    work = Work()
    with pytest.raises(NotAllowed):
        await Pulls(work._bring, may_change=refuse, limit=1).start(REQUEST)
    with pytest.raises(InvalidInput):
        await work.pulls.start(PullRequest("/etc/passwd"))
    await work.pulls.close()
    with pytest.raises(EngineUnavailable):
        await work.pulls.start(REQUEST)
    assert work.begun == []

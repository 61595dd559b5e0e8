"""Models come into memory when they are asked for and leave it when nobody asks, or for another one: a real Triton."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.domain.ports import Asked, Resident
from gateway.engine.client import TritonClient
from gateway.engine.replicas import Replicas
from gateway.memory import Elsewhere, Memory, OfThisHost
from gateway.model_life import ModelLife
from gateway.models import ServedModels
from gateway.room import Room
from gateway.telemetry import Telemetry
from modelyard import footprint
from modelyard.entry import entry_at
from modelyard.errors import EngineError, EngineUnavailable, EntryNotFound, LoadQueueFull, NoRoom
from tests.gateway.running import Gateway, Triton, add_parrot, serving

SOON = 0.05  # seconds of idleness


@pytest.fixture(scope="module")
def aviary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    repository = tmp_path_factory.mktemp("life") / "repository"
    perch = str(repository.parent / "perch")
    for name in ("a", "b", "c"):
        add_parrot(repository, name)
    add_parrot(repository, "slow", LOAD_SECONDS="0.7")
    add_parrot(repository, "slow-too", LOAD_SECONDS="0.7")
    add_parrot(repository, "sick", FAIL_TO_LOAD="1")
    add_parrot(repository, "brief", KEEP_ALIVE="50ms")
    add_parrot(repository, "alone", NEEDS_ALONE=perch)
    add_parrot(repository, "alone-too", NEEDS_ALONE=perch)
    return repository


@pytest.fixture(scope="module")
def triton(aviary: Path) -> Any:
    running = Triton(aviary, aviary.parent / "triton.log")
    yield running
    running.close()


class Lives:
    """A ModelLife in front of the real Triton, and what it has counted."""

    def __init__(self, triton: Triton, *, memory: Memory, max_loaded: int, **settings: Any) -> None:
        self.replicas = Replicas(lambda: [triton.url], load_timeout_s=60, timeout_s=60)
        self.telemetry = Telemetry(lambda: 0, queue_limit=512)
        room = Room(memory, max_loaded=max_loaded)
        self.life = ModelLife(self.replicas, ServedModels(self.replicas), room, self.telemetry, **settings)
        self.client: TritonClient

    async def loaded(self) -> set[str]:
        """What Triton itself says."""
        return {name for name, loaded in (await self.client.index()).items() if loaded}

    async def touch(self, model: str, keep_alive_s: float | None = None) -> float:
        async with self.life.use(model, keep_alive_s) as load_s:
            return load_s

    def unloads(self, reason: str) -> Counter[str]:
        found: Counter[str] = Counter()
        for sample in (sample for metric in self.telemetry.registry.collect() for sample in metric.samples):
            if sample.name.endswith("model_unloads_total") and sample.labels["reason"] == reason:
                found[sample.labels["model"]] += int(sample.value)
        return found


Make = Callable[..., AbstractAsyncContextManager[Lives]]


@pytest.fixture
def lives(triton: Triton) -> Make:
    """Makes one; everything is out of memory before and after."""

    @contextlib.asynccontextmanager
    async def make(*, memory: Memory | None = None, max_loaded: int = 0, **settings: Any) -> AsyncIterator[Lives]:
        made = Lives(
            triton, memory=memory or Elsewhere(), max_loaded=max_loaded, **({"keep_alive_s": math.inf} | settings)
        )
        made.client = TritonClient(triton.url)
        await made.replicas.start()
        # A load that somebody gave up waiting for goes on in Triton, and ends when its test is over.
        await _emptied(made)
        await made.life.start()
        try:
            yield made
        finally:
            await made.life.close()
            await _emptied(made)
            await made.replicas.close()
            await made.client.close()

    return make


async def _emptied(made: Lives) -> None:
    while loaded := await made.loaded():
        for name in loaded:
            await made.replicas.unload(name)


async def until(condition: Callable[[], Any]) -> None:
    """Wait for a state; a test that waits in vain is ended by its runner."""
    while not condition():  # noqa: ASYNC110 - Triton sends no event
        await asyncio.sleep(0.02)


async def test_the_first_request_loads_and_the_next_does_not(lives: Make) -> None:
    async with lives() as each:
        assert await each.loaded() == set()
        assert await each.touch("a") > 0
        assert await each.loaded() == {"a"}
        assert await each.touch("a") == 0.0


async def test_a_loaded_model_costs_a_request_no_call(lives: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    async with lives() as each:
        await each.touch("a")

        async def refuse(self: TritonClient, *_: object, **__: object) -> dict[str, bool]:
            raise AssertionError("Triton was asked")

        with monkeypatch.context() as patched:
            patched.setattr(TritonClient, "_index", refuse)
            patched.setattr(TritonClient, "load", refuse)
            assert [await each.touch("a") for _ in range(100)] == [0.0] * 100


async def test_a_load_is_shared(lives: Make, aviary: Path) -> None:
    def loads() -> int:
        return (aviary.parent / "triton.log").read_text().count("successfully loaded 'slow'")

    before = loads()
    async with lives() as each:
        waited = await asyncio.gather(*(each.touch("slow") for _ in range(20)))
        assert all(seconds > 0 for seconds in waited)
        assert each.life.count == 1
    assert loads() == before + 1


async def test_more_than_the_bound_do_not_wait_for_a_load(lives: Make) -> None:
    async with lives(queue_limit=3) as each:
        answers = await asyncio.gather(*(each.touch("slow") for _ in range(8)), return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, LoadQueueFull)]
        assert len(refused) == 5
        assert "'slow'" in refused[0].message
        assert refused[0].retry_after_s >= 1


async def test_a_failed_load_fails_all_who_wait_and_the_next_tries_anew(
    lives: Make, aviary: Path, triton: Triton
) -> None:
    async with lives() as each:
        answers = await asyncio.gather(*(each.touch("sick") for _ in range(4)), return_exceptions=True)
        assert all(isinstance(answer, EngineUnavailable) for answer in answers)
        assert "not well today" in str(answers[0])
        assert 'modelyard_gateway_model_load_failures_total{model="sick"} 1.0' in each.telemetry.page().decode()
        config = entry_at(aviary, "sick").config
        ill = config.read_text()
        config.write_text(ill.replace("FAIL_TO_LOAD", "IS_WELL_AGAIN"))
        try:
            assert await each.touch("sick") > 0
        finally:
            config.write_text(ill)


async def test_one_who_stops_waiting_does_not_stop_the_load(lives: Make) -> None:
    async with lives(keep_alive_s=3600) as each:
        waiting = asyncio.create_task(each.touch("slow"))
        await until(lambda: each.life.is_loading)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await until(lambda: each.life.count)
        (resident,) = await each.life.resident()
        assert (resident.name, resident.requests) == ("slow", 0)
        assert resident.expires is not None


@pytest.mark.parametrize("name", ["nobody", "", "..", "a/../b", "a\0b", "ä"])
async def test_what_is_in_no_repository_is_not_found(lives: Make, name: str) -> None:
    async with lives() as each:
        with pytest.raises(EntryNotFound, match="slow"):
            await each.touch(name)
        with pytest.raises(EntryNotFound):
            await each.life.release(name)


async def test_an_idle_model_leaves_after_its_time_and_not_while_it_is_used(lives: Make) -> None:
    async with lives(keep_alive_s=SOON) as each:
        async with each.life.use("a", None):
            await asyncio.sleep(SOON * 3)
            assert await each.loaded() == {"a"}
            (resident,) = await each.life.resident()
            assert resident.requests == 1
        await until(lambda: each.unloads("idle")["a"])
        assert await each.loaded() == set()
        assert await each.touch("a") > 0


async def test_the_time_that_a_request_names_holds_until_another_names_one(lives: Make) -> None:
    async with lives(keep_alive_s=SOON) as each:
        await each.touch("a", math.inf)
        await each.touch("a")
        await asyncio.sleep(SOON * 4)
        (resident,) = await each.life.resident()
        assert (resident.name, resident.expires) == ("a", None)
        await each.touch("a", 0)
        await until(lambda: each.unloads("idle")["a"])


@pytest.mark.parametrize("given", [-1, 1e300, math.inf])
async def test_times_that_never_end(lives: Make, given: float) -> None:
    async with lives(keep_alive_s=SOON) as each:
        await each.touch("a", given)
        await asyncio.sleep(SOON * 2)
        (resident,) = await each.life.resident()
        assert resident.expires is None


async def test_a_shorter_time_goes_before_a_longer_one_that_runs(lives: Make) -> None:
    async with lives(keep_alive_s=3600) as each:
        await each.touch("a")
        await each.touch("a", SOON)
        await until(lambda: each.unloads("idle")["a"])


async def test_a_model_has_a_time_of_its_own(lives: Make) -> None:
    async with lives(keep_alive_s=3600) as each:
        await each.touch("a")
        await each.touch("brief")
        await until(lambda: each.unloads("idle")["brief"])
        assert await each.loaded() == {"a"}


async def test_a_pinned_model_stays_until_somebody_asks_for_its_end(lives: Make) -> None:
    async with lives(keep_alive_s=SOON, pinned=["a"], max_loaded=2) as each:
        await each.touch("a", 0)
        await each.touch("b")
        await each.touch("c")
        await until(lambda: each.unloads("idle")["c"])
        assert await each.loaded() == {"a"}
        assert (await each.life.resident())[0].expires is None
        each.life.pin("b")
        await each.touch("b")
        with pytest.raises(NoRoom, match=r"max_loaded_models is 2; in memory: a, b"):
            await each.touch("c")
        await each.life.release("a")
        assert await each.loaded() == {"b"}


async def test_the_least_recently_used_goes_first(lives: Make) -> None:
    async with lives(max_loaded=2) as each:
        for name in ("a", "b", "a", "c"):
            await each.touch(name)
        assert await each.loaded() == {"a", "c"}
        assert each.unloads("memory") == Counter({"b": 1})


async def test_an_idle_one_goes_before_one_in_use(lives: Make) -> None:
    async with lives(max_loaded=2) as each, each.life.use("a", None):
        await each.touch("b")
        await each.touch("c")
        assert await each.loaded() == {"a", "c"}


async def test_one_in_use_is_waited_for_and_takes_no_more_requests(lives: Make) -> None:
    async with lives(max_loaded=1) as each:
        async with each.life.use("a", None):
            newcomer = asyncio.create_task(each.touch("b"))
            await until(lambda: each.life._departing)
            again = asyncio.create_task(each.touch("a"))
            await asyncio.sleep(SOON)
            assert not newcomer.done()
            assert not again.done()
            assert await each.loaded() == {"a"}
        assert await newcomer > 0
        assert await again > 0
        assert await each.loaded() == {"a"}


async def test_one_that_is_in_use_for_too_long_is_an_error(lives: Make) -> None:
    async with lives(max_loaded=1, load_timeout_s=0.1) as each, each.life.use("a", None):
        with pytest.raises(NoRoom, match="'a' is in use"):
            await each.touch("b")


async def test_memory_makes_the_least_recently_used_go(lives: Make, aviary: Path) -> None:
    need = footprint.memory_of(entry_at(aviary, "a"))
    async with lives(memory=OfThisHost(aviary, limit=round(2.5 * need))) as each:
        for name in ("a", "b", "c"):
            await each.touch(name)
        assert await each.loaded() == {"b", "c"}
        residents = await each.life.resident()
        assert [resident.size for resident in residents] == [footprint.weights_of(entry_at(aviary, "a"))] * 2


async def test_what_can_never_fit_is_refused_and_nothing_leaves_for_it(lives: Make, aviary: Path) -> None:
    add_parrot(aviary, "elephant")
    with (aviary / "elephant/1/weights.bin").open("wb") as weights:
        weights.truncate(2**43)
    async with lives(memory=OfThisHost(aviary, limit=0)) as each:
        await each.touch("a")
        with pytest.raises(NoRoom, match=r"'elephant': it needs about \d+\.\d GiB, .* are free; in memory: a"):
            await each.touch("elephant")
        assert await each.loaded() == {"a"}


async def test_an_engine_that_lacks_memory_gets_it_from_an_idle_model(lives: Make) -> None:
    async with lives() as each:
        await each.touch("alone")
        assert await each.touch("alone-too") > 0
        assert await each.loaded() == {"alone-too"}
        assert each.unloads("memory")["alone"] == 1
        async with each.life.use("alone-too", None):
            with pytest.raises(EngineUnavailable, match="out of memory"):
                await each.touch("alone")


async def test_what_somebody_else_unloads_is_loaded_again(lives: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.model_life._POLL_S", 0.1)
    async with lives() as each:
        await each.touch("a")
        await each.client.unload("a")
        # At once, before anybody has looked: the request itself finds out.
        async with each.life.use("a", None):
            events = each.replicas.generate("a", Asked("words=1"), stream=True)
            assert "".join([getattr(event, "text", "") async for event in events]) == "polly "
        await each.client.unload("a")
        await until(lambda: each.unloads("elsewhere")["a"])
        assert await each.life.resident() == []
        assert await each.touch("a") > 0


async def test_what_somebody_else_loaded_is_told_and_not_taken_away(lives: Make) -> None:
    async with lives(keep_alive_s=0, max_loaded=1) as each:
        await each.client.load("a", 60)
        (resident,) = await each.life.resident()
        assert (resident.name, resident.expires) == ("a", None)
        await each.touch("a")
        await each.touch("b")
        await until(lambda: each.unloads("idle")["b"])
        assert await each.loaded() == {"a"}
        await each.touch("a", SOON)  # whoever names a time is answered for
        await until(lambda: each.unloads("idle")["a"])


async def test_a_release_waits_for_answers_and_is_no_matter_when_nothing_is_loaded(lives: Make) -> None:
    async with lives() as each:
        await each.life.release("a")
        async with each.life.use("a", None):
            releasing = asyncio.create_task(each.life.release("a"))
            await asyncio.sleep(SOON)
            assert not releasing.done()
        await releasing
        assert await each.loaded() == set()
        await each.client.load("b", 60)
        await each.life.release("b")
        assert await each.loaded() == set()
        assert each.unloads("asked") == Counter({"a": 1, "b": 1})


async def test_no_triton_is_an_error_and_leaves_nothing_behind() -> None:
    replicas = Replicas(lambda: ["grpc://127.0.0.1:9"], load_timeout_s=1, timeout_s=1)
    await replicas.start()
    life = ModelLife(
        replicas, ServedModels(replicas), Room(Elsewhere()), Telemetry(lambda: 0, queue_limit=512), keep_alive_s=1
    )
    for _ in range(2):
        with pytest.raises(EngineError):
            async with life.use("a", None):
                raise AssertionError("it is not loaded")
    assert not life.is_loading
    await life.close()
    await replicas.close()


def _ask(model: str, words: int = 2) -> dict[str, Any]:
    return {"model": model, "prompt": f"words={words} delay=0.01"}


async def test_two_models_in_turn_where_one_fits_are_all_answered(triton: Triton) -> None:
    with serving([triton.url], max_loaded_models=1, request_timeout_s=60, keep_alive="0.2s") as gateway:
        async with httpx.AsyncClient(base_url=gateway.url, timeout=120, trust_env=False) as http:

            async def user(number: int) -> list[int]:
                names = ["a", "b"] if number % 2 else ["b", "a"]
                return [(await http.post("/v1/completions", json=_ask(name))).status_code for name in names * 2]

            answers = await asyncio.gather(*(user(number) for number in range(24)))
            assert Counter(status for each in answers for status in each) == Counter({200: 96})
            page = (await http.get("/metrics")).text
    assert 'modelyard_gateway_model_unloads_total{model="a",reason="memory"}' in page
    assert 'modelyard_gateway_model_load_seconds_count{model="b"}' in page


async def test_over_http_a_full_load_queue_is_a_503_with_retry_after(triton: Triton) -> None:
    with serving([triton.url], load_queue_limit=1, keep_alive=0) as gateway:
        async with httpx.AsyncClient(base_url=gateway.url, timeout=60, trust_env=False) as http:
            asked = [http.post("/v1/completions", json=_ask("slow-too")) for _ in range(4)]
            answers = await asyncio.gather(*asked)
    assert sorted(answer.status_code for answer in answers) == [200, 503, 503, 503]
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["error"]["code"] == "overloaded"
    assert "'slow-too'" in refused.json()["error"]["message"]


async def test_a_gateway_is_ready_without_a_model_in_memory_and_loading_while_its_start_loads_one(
    lives: Make, triton: Triton
) -> None:
    async with lives() as each:  # everything is out of memory
        assert await each.loaded() == set()
        with serving([triton.url]) as gateway:
            async with httpx.AsyncClient(base_url=gateway.url, timeout=60, trust_env=False) as http:
                assert (await http.get("/health/ready")).json() == {"status": "ready"}
                assert await each.loaded() == set()
                gateway.app.state.hold()
                assert (await http.get("/health/ready")).json() == {"status": "starting"}
                loading = asyncio.create_task(asyncio.to_thread(lambda: gateway.run(gateway.app.state.load("slow"))))
                while (state := (await http.get("/health/ready")).json()["status"]) == "starting":
                    pass
                assert state == "loading"
                assert await loading == "text-generation"
                gateway.app.state.release()
                assert (await http.get("/health/ready")).json() == {"status": "ready"}
                assert [resident.name for resident in await gateway_residents(gateway)] == ["slow"]


async def gateway_residents(gateway: Gateway) -> Sequence[Resident]:
    return await asyncio.to_thread(lambda: gateway.run(gateway.app.state.resident()))

"""Several Tritons as one: a dead one is passed over, a model is loaded once, the least busy is chosen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.domain.ports import Asked
from gateway.engine.replicas import Replicas
from modelyard.errors import EngineUnavailable, EntryNotFound
from tests.gateway.running import Triton, add_parrot

DEAD = "grpc://127.0.0.1:9"


@pytest.fixture
async def replicas(triton: Triton) -> AsyncIterator[Replicas]:
    made = Replicas(lambda: [DEAD, triton.url, triton.url], load_timeout_s=60, timeout_s=60)
    await made.start()
    yield made
    await made.close()


async def _text(replicas: Replicas, prompt: str, model: str = "parrot") -> str:
    events = replicas.generate(model, Asked(prompt), stream=True)
    return "".join([getattr(event, "text", "") async for event in events])


async def test_a_dead_triton_is_passed_over(replicas: Replicas) -> None:
    assert [await _text(replicas, "words=1") for _ in range(4)] == ["polly "] * 4


async def test_a_backend_that_is_busy_is_passed_over_and_the_last_word_is_its_own(replicas: Replicas) -> None:
    with pytest.raises(EngineUnavailable, match=r"told to raise UNAVAILABLE|cannot be reached"):
        await _text(replicas, "raise=UNAVAILABLE")


async def test_the_least_busy_is_chosen(replicas: Replicas) -> None:
    await replicas.loaded()  # finds out that the first is dead
    streams = [replicas.generate("parrot", Asked("words=9 delay=0.05"), stream=True) for _ in range(4)]
    for stream in streams:
        await anext(stream)
    assert [replica.in_flight for replica in replicas._replicas] == [0, 2, 2]
    for stream in streams:
        await stream.aclose()
    assert [replica.in_flight for replica in replicas._replicas] == [0, 0, 0]


async def test_a_model_of_the_repository_is_loaded_when_it_is_asked_for_and_once(triton: Triton) -> None:
    add_parrot(triton._repository, "latecomer")
    replicas = Replicas(lambda: [triton.url], load_timeout_s=60, timeout_s=60)
    await replicas.start()
    try:
        assert (await replicas.index())["latecomer"] is False
        assert await replicas.card_if_loaded("latecomer") is None
        texts = await asyncio.gather(*(_text(replicas, "words=1", "latecomer") for _ in range(5)))
        assert texts == ["polly "] * 5
        assert (await replicas.index())["latecomer"] is True
    finally:
        await replicas.close()
    log = (triton._repository.parent / "triton.log").read_text()
    assert log.count("successfully loaded 'latecomer'") == 1


async def test_what_is_in_no_repository_is_not_found(replicas: Replicas) -> None:
    with pytest.raises(EntryNotFound, match="parrot"):
        await _text(replicas, "words=1", "nobody")
    with pytest.raises(EntryNotFound):
        await replicas.card("nobody")


async def test_with_no_triton_at_all_there_is_no_engine() -> None:
    alone = Replicas(lambda: [DEAD], load_timeout_s=1, timeout_s=1)
    await alone.start()
    with pytest.raises(EngineUnavailable):
        await _text(alone, "words=1")
    with pytest.raises(EngineUnavailable):
        await alone.loaded()
    await alone.close()

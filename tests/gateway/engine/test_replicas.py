"""Several Tritons as one: a dead one is passed over, a model is loaded once, the least busy is chosen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.domain.generation import Tokens
from gateway.domain.ports import Asked
from gateway.engine.replicas import Replicas
from modelyard.errors import EngineUnavailable, EntryNotFound
from tests.gateway.running import Triton, add_parrot

DEAD = "grpc://127.0.0.1:9"


@pytest.fixture
async def replicas(triton: Triton) -> AsyncIterator[Replicas]:
    again = triton.url.replace("127.0.0.1", "localhost")  # two addresses are two Tritons
    made = Replicas(lambda: [DEAD, triton.url, again], load_timeout_s=60, timeout_s=60)
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
    await replicas.answer()  # finds out that the first is dead
    await replicas.load("parrot")
    streams = [replicas.generate("parrot", Asked("words=9 delay=0.05"), stream=True) for _ in range(4)]
    for stream in streams:
        await anext(stream)
    assert [replica.in_flight for replica in replicas._replicas] == [0, 2, 2]
    for stream in streams:
        await stream.aclose()
    assert [replica.in_flight for replica in replicas._replicas] == [0, 0, 0]


async def _chosen(replicas: Replicas, prompt: str | Tokens) -> int:
    """Which of the two that live answers, when neither has anything to do."""
    stream = replicas.generate("parrot", Asked(prompt), stream=True)
    await anext(stream)
    found = [replica.in_flight for replica in replicas._replicas].index(1)
    await stream.aclose()
    return found


async def test_among_equals_a_conversation_keeps_its_place_and_others_spread(replicas: Replicas) -> None:
    await replicas.answer()
    await replicas.load("parrot")
    beginnings = [f"words=9 question-{number} ".ljust(1024, "x") for number in range(12)]
    first = [await _chosen(replicas, beginning) for beginning in beginnings]
    assert set(first) == {1, 2}
    assert [await _chosen(replicas, beginning + " and the next question") for beginning in beginnings] == first
    # A gateway besides chooses alike.
    beside = Replicas(
        lambda: [replica.client.target for replica in replicas._replicas], load_timeout_s=60, timeout_s=60
    )
    await beside.start()
    try:
        await beside.answer()
        await beside.load("parrot")
        assert [await _chosen(beside, beginning) for beginning in beginnings] == first
    finally:
        await beside.close()


async def test_what_has_no_beginning_spreads(replicas: Replicas) -> None:
    await replicas.answer()
    seen = set()
    for _ in range(24):
        replica = replicas._choose(set(), "parrot", str(next(replicas._numbers)))
        seen.add(replica.client.target)
    assert len(seen) == 2


async def test_a_model_of_the_repository_is_loaded_when_it_is_asked_for_and_once(triton: Triton) -> None:
    add_parrot(triton.repository, "latecomer")
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
    log = (triton.repository.parent / "triton.log").read_text()
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
        await alone.answer()
    await alone.close()


async def test_a_model_is_loaded_and_unloaded_in_every_triton_that_has_it(
    triton: Triton, tmp_path_factory: pytest.TempPathFactory
) -> None:
    add_parrot(triton.repository, "both")
    elsewhere = tmp_path_factory.mktemp("second") / "repository"
    add_parrot(elsewhere, "both")
    add_parrot(elsewhere, "only-there")
    second = Triton(elsewhere, elsewhere.parent / "triton.log")
    replicas = Replicas(lambda: [DEAD, triton.url, second.url], load_timeout_s=60, timeout_s=60)
    await replicas.start()
    try:
        assert {"both": False, "only-there": False, "parrot": True}.items() <= (await replicas.index()).items()
        await replicas.load("both")
        assert [("both" in each.loaded) for each in replicas._replicas] == [False, True, True]
        await replicas.load("only-there")
        # The Triton that has it is asked, whoever has less to do.
        assert [await _text(replicas, "words=1", "only-there") for _ in range(3)] == ["polly "] * 3
        second.kill()
        assert await _text(replicas, "words=1", "both") == "polly "
        returned = replicas._replicas[2]
        await replicas.answer()
        assert not returned.ready
        second.start_again()
        while not (returned.ready and "both" in returned.loaded):  # noqa: ASYNC110 - Triton sends no event
            await asyncio.sleep(0.05)
        assert (await returned.client.index())["both"] is True
        await replicas.unload("both")
        assert (await replicas.index())["both"] is False
        with pytest.raises(EntryNotFound):
            await replicas.load("nobody")
    finally:
        await replicas.close()
        second.close()


async def test_a_triton_that_fails_to_load_a_model_is_no_matter_when_another_does(
    triton: Triton, tmp_path_factory: pytest.TempPathFactory
) -> None:
    add_parrot(triton.repository, "half-sick", FAIL_TO_LOAD="1")
    elsewhere = tmp_path_factory.mktemp("second") / "repository"
    add_parrot(elsewhere, "half-sick")
    second = Triton(elsewhere, elsewhere.parent / "triton.log")
    replicas = Replicas(lambda: [triton.url, second.url], load_timeout_s=60, timeout_s=60)
    await replicas.start()
    try:
        await replicas.load("half-sick")
        assert [await _text(replicas, "words=1", "half-sick") for _ in range(3)] == ["polly "] * 3
    finally:
        await replicas.close()
        second.close()

"""A stream that nobody reads any more ends without harm to Triton, which a cancel at a wrong moment can crash."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.domain.generation import Sampling
from gateway.domain.ports import Asked
from gateway.engine.client import TritonClient
from tests.gateway.running import Triton
from tests.gateway.waiting import until


@pytest.fixture
async def client(triton: Triton) -> AsyncIterator[TritonClient]:
    made = TritonClient(triton.url)
    await made.load("parrot", timeout_s=60)
    yield made
    await made.close()


async def _leave_at_first_word(client: TritonClient, prompt: str) -> None:
    stream = client.generate("parrot", Asked(prompt, Sampling(max_tokens=10_000)), stream=True, timeout_s=60)
    await anext(stream)
    await stream.aclose()


async def test_triton_outlives_streams_that_are_left_while_it_writes(triton: Triton, client: TritonClient) -> None:
    # Cancelled at once, one in some 200 of these killed Triton.
    for _ in range(500):
        await _leave_at_first_word(client, "words=2")
    assert await client.is_live()
    assert triton.process.returncode is None


async def test_triton_outlives_clients_that_close_just_after(triton: Triton) -> None:
    for _ in range(300):
        client = TritonClient(triton.url)
        await client.load("parrot", timeout_s=60)
        await _leave_at_first_word(client, "words=2")
        await client.close()
    assert triton.process.returncode is None


@pytest.mark.parametrize("delay", ["delay=0.05", ""], ids=["slow", "never quiet"])
async def test_the_work_of_a_stream_that_is_left_ends(triton: Triton, client: TritonClient, delay: str) -> None:
    before = triton.outcomes("cancelled")
    await _leave_at_first_word(client, f"words=10000 {delay}")
    # 10,000 of the slow words would take eight minutes.
    await until(lambda: triton.outcomes("cancelled") != before, within_s=30)


async def test_a_reader_that_is_cancelled_while_it_waits_ends_the_work(triton: Triton, client: TritonClient) -> None:
    before = triton.outcomes("cancelled")
    stream = client.generate("parrot", Asked("words=10 delay=5"), stream=True, timeout_s=60)
    reader = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0.2)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    # The parrot looks up after each word.
    await until(lambda: triton.outcomes("cancelled") != before, within_s=20)

"""Clients that go away: their generation is cancelled in Triton, streamed or not."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.gateway.running import Gateway, Triton
from tests.gateway.waiting import until

SLOW = "words=2000 delay=0.02"


def _metrics(gateway: Gateway) -> str:
    return httpx.get(f"{gateway.url}/metrics", trust_env=False).text


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_goes_away_cancels_its_generation(gateway: Gateway, triton: Triton, stream: bool) -> None:
    started, cancelled = triton.outcomes("started"), triton.outcomes("cancelled")
    # An unstreamed parrot looks for a cancellation before it speaks, so it must not be slow for hours.
    content = SLOW if stream else "words=100 delay=0.02"
    body = {"model": "parrot", "messages": [{"role": "user", "content": content}], "stream": stream}
    async with httpx.AsyncClient(trust_env=False) as client:
        asking = asyncio.create_task(client.post(f"{gateway.url}/v1/chat/completions", json=body))
        await until(lambda: triton.outcomes("started") == started + 1, within_s=10)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    await until(lambda: triton.outcomes("cancelled") == cancelled + 1, within_s=10)
    counted = 'modelyard_gateway_cancelled_requests_total{dialect="openai",model="parrot"}'
    await until(lambda: counted in _metrics(gateway), within_s=10)
    await until(lambda: "requests_in_flight 0.0" in _metrics(gateway), within_s=10)


async def test_two_hundred_streams_lose_and_repeat_nothing(gateway: Gateway) -> None:
    async def stream(client: httpx.AsyncClient, number: int) -> str:
        body = {"model": "parrot", "prompt": f"stream{number} say=prompt with seven words", "stream": True}
        answer = await client.post("/v1/completions", json=body)
        return "".join(line.split('"text":"')[1].split('"')[0] for line in answer.text.splitlines() if '"text"' in line)

    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=gateway.url, timeout=60, limits=limits, trust_env=False) as client:
        texts = await asyncio.gather(*(stream(client, number) for number in range(200)))
    assert texts == [f"stream{number} say=prompt with seven words" for number in range(200)]

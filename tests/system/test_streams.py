"""Many streams at once, and streams whose client goes away."""

from __future__ import annotations

import asyncio

import httpx
import openai

from tests.system.service import Service

SUBJECTS = ["deploy", "convert", "monitor", "secure", "pull", "run", "stop", "update"]


async def _stream(client: openai.AsyncOpenAI, content: str) -> str:
    text = ""
    stream = await client.chat.completions.create(
        model="demo", messages=[{"role": "user", "content": content}], temperature=0, max_tokens=80, stream=True
    )
    async for chunk in stream:
        if chunk.choices:
            text += chunk.choices[0].delta.content or ""
    return text


async def test_32_concurrent_streams_each_equal_their_solo_greedy_run(async_client: openai.AsyncOpenAI) -> None:
    questions = [
        f"How do I {subject} a model? This is question {number}." for number in range(4) for subject in SUBJECTS
    ]
    alone = [await _stream(async_client, question) for question in questions]
    together = await asyncio.gather(*(_stream(async_client, question) for question in questions))
    assert len(questions) == 32
    assert together == alone


async def _eventually(service: Service, name: str, wanted: float, **labels: str) -> bool:
    for _ in range(100):
        if service.metric(name, **labels) == wanted:
            return True
        await asyncio.sleep(0.05)
    return False


async def test_a_client_that_goes_away_cancels_its_generation_in_triton(service: Service) -> None:
    before = service.metric("modelyard_requests_total", outcome="cancelled")
    body = {
        "model": "demo",
        "messages": [{"role": "user", "content": "Write a long text about Modelyard."}],
        "stream": True,
        "max_tokens": 1500,
        "ignore_eos": True,
    }
    async with (
        httpx.AsyncClient() as client,
        client.stream("POST", f"{service.url}/v1/chat/completions", json=body) as answer,
    ):
        async for line in answer.aiter_lines():
            if '"content":"' in line:
                break
    assert await _eventually(service, "modelyard_requests_total", before + 1, outcome="cancelled")
    assert await _eventually(service, "modelyard_sequences_running", 0)


async def test_an_unstreamed_answer_is_cancelled_likewise(service: Service) -> None:
    before = service.metric("modelyard_requests_total", outcome="cancelled")
    body = {
        "model": "demo",
        "messages": [{"role": "user", "content": "Write."}],
        "max_tokens": 1900,
        "ignore_eos": True,
    }
    async with httpx.AsyncClient() as client:
        asking = asyncio.create_task(client.post(f"{service.url}/v1/chat/completions", json=body))
        assert await _eventually(service, "modelyard_sequences_running", 1)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    assert await _eventually(service, "modelyard_requests_total", before + 1, outcome="cancelled")
    assert await _eventually(service, "modelyard_sequences_running", 0)


async def test_thousands_of_refused_requests_do_not_hurt_triton(service: Service) -> None:
    (before,) = service.tritons()
    body = {"model": "demo", "messages": [{"role": "user", "content": "Hi"}], "logit_bias": {"1": 1}}
    async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:

        async def refuse(times: int) -> set[int]:
            return {(await client.post("/v1/chat/completions", json=body)).status_code for _ in range(times)}

        # Triton 2.51 died after a few hundred of these when it was asked for status codes inside of streams.
        statuses = set().union(*await asyncio.gather(*(refuse(250) for _ in range(8))))
    (after,) = service.tritons()
    assert statuses == {400}
    assert after.pid == before.pid

"""A Triton that dies: the client gets a clean error, and the service is there again by itself."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import httpx
import openai
import pytest

from tests.system.service import Service, serving

LONG = {
    "model": "demo",
    "messages": [{"role": "user", "content": "Write a long text about Modelyard."}],
    "max_tokens": 1800,
    "temperature": 0.0,
}


@pytest.fixture
def own_service(repository: Path, tmp_path: Path):
    with serving(repository, tmp_path) as service:
        service.wait_until_ready()
        yield service


async def test_kill_9_in_mid_stream_is_a_clean_error_and_service_again(own_service: Service) -> None:
    client = openai.AsyncOpenAI(base_url=f"{own_service.url}/v1", api_key="none", max_retries=0)
    stream = await client.chat.completions.create(stream=True, extra_body={"ignore_eos": True}, **LONG)
    killed: list[int] = []

    async def read_and_kill() -> None:
        async for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content and not killed:
                (triton,) = own_service.tritons()
                killed.append(triton.pid)
                os.kill(triton.pid, signal.SIGKILL)

    with pytest.raises(openai.APIError, match="the engine stopped in the middle of the answer"):
        await read_and_kill()
    assert killed

    async with httpx.AsyncClient(base_url=own_service.url) as http:
        for _ in range(600):
            ready = await http.get("/health/ready")
            if ready.status_code == 200:
                break
            assert ready.status_code == 503
            assert (await http.get("/health/live")).status_code == 200
            await asyncio.sleep(0.05)
    again = await client.chat.completions.create(model="demo", messages=LONG["messages"], max_tokens=5)
    assert again.choices[0].message.content
    (triton,) = own_service.tritons()
    assert triton.pid != killed[0]
    assert "Triton ended unexpectedly" in own_service.output
    assert "Traceback" not in own_service.output


async def test_a_request_while_triton_is_away_is_a_503_with_retry_after(own_service: Service) -> None:
    (triton,) = own_service.tritons()
    os.kill(triton.pid, signal.SIGKILL)
    async with httpx.AsyncClient(base_url=own_service.url, timeout=60) as http:
        statuses = set()
        for _ in range(600):
            answer = await http.post("/v1/chat/completions", json=LONG | {"max_tokens": 3})
            statuses.add(answer.status_code)
            if answer.status_code == 200:
                break
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["retry-after"]) >= 1
            assert answer.json()["error"]["message"]
            await asyncio.sleep(0.05)
        assert 200 in statuses


async def test_a_dead_backend_process_is_mended_too(own_service: Service) -> None:
    (triton,) = own_service.tritons()
    stubs = [child for child in triton.children(recursive=True) if "stub" in child.name()]
    assert stubs
    for stub in stubs:
        stub.kill()
    async with httpx.AsyncClient(base_url=own_service.url, timeout=60) as http:
        for _ in range(600):
            answer = await http.post("/v1/chat/completions", json=LONG | {"max_tokens": 3})
            if answer.status_code == 200:
                return
            assert answer.status_code == 503, answer.text
            await asyncio.sleep(0.05)
    pytest.fail("the model did not come back")

"""A Triton that dies and comes back, and a model's process that dies within a living Triton."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import psutil
import pytest

from tests.gateway.running import Gateway, Triton, add_parrot, serving


@pytest.fixture(scope="module")
def own_triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Triton]:
    repository: Path = tmp_path_factory.mktemp("crash") / "repository"
    add_parrot(repository, "parrot")
    running = Triton(repository, repository.parent / "triton.log")
    yield running
    running.close()


@pytest.fixture
def own_gateway(own_triton: Triton) -> Iterator[Gateway]:
    with serving([own_triton.url], request_timeout_s=60) as running:
        yield running


def _ask(content: str) -> dict[str, object]:
    return {"model": "parrot", "messages": [{"role": "user", "content": content}]}


def _ready(gateway: Gateway) -> httpx.Response:
    return httpx.get(f"{gateway.url}/health/ready", trust_env=False)


def test_kill_9_in_mid_stream_is_a_clean_error_and_then_service_again(own_triton: Triton, own_gateway: Gateway) -> None:
    body = _ask("words=5000 delay=0.02") | {"stream": True}
    lines: list[str] = []
    with httpx.stream(
        "POST", f"{own_gateway.url}/v1/chat/completions", json=body, timeout=60, trust_env=False
    ) as answer:
        for line in answer.iter_lines():
            if line:
                lines.append(line)
            if len(lines) == 3:
                own_triton.kill()
    assert '"error"' in lines[-1]
    assert "the engine stopped in the middle of the answer" in lines[-1]
    assert "[DONE]" not in "".join(lines)

    assert _ready(own_gateway).status_code == 503
    assert httpx.get(f"{own_gateway.url}/health/live", trust_env=False).status_code == 200
    refused = httpx.post(f"{own_gateway.url}/v1/chat/completions", json=_ask("words=1"), trust_env=False)
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["error"]["code"] == "engine_unavailable"
    assert "127.0.0.1" not in refused.text

    own_triton.start_again()
    client = openai.OpenAI(base_url=f"{own_gateway.url}/v1", api_key="none", max_retries=20)
    assert client.chat.completions.create(**_ask("words=2")).choices[0].message.content == "polly wants "
    assert _ready(own_gateway).status_code == 200


def test_a_dead_backend_is_mended_and_its_streams_end(own_triton: Triton, own_gateway: Gateway) -> None:
    client = openai.OpenAI(base_url=f"{own_gateway.url}/v1", api_key="none", max_retries=20, timeout=60)
    stream = iter(client.chat.completions.create(**_ask("words=5000 delay=0.02"), stream=True))
    next(stream)
    for stub in psutil.Process(own_triton.process.pid).children(recursive=True):
        if "stub" in stub.name():
            stub.kill()
    # Triton says that the model is ready; the next request finds out, and has the model loaded anew.
    assert client.chat.completions.create(**_ask("words=2")).choices[0].message.content == "polly wants "
    with pytest.raises(openai.APIError, match="in the middle of the answer"):
        list(stream)


def test_a_lone_stream_whose_backend_died_in_silence_ends(
    own_triton: Triton, own_gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.engine.watch._SILENCE_S", 0.3)
    client = openai.OpenAI(base_url=f"{own_gateway.url}/v1", api_key="none", max_retries=20, timeout=60)
    stream = iter(client.chat.completions.create(**_ask("words=8 crash=3"), stream=True))
    with pytest.raises(openai.APIError, match="in the middle of the answer"):
        list(stream)
    assert client.chat.completions.create(**_ask("words=2")).choices[0].message.content == "polly wants "


def test_a_request_that_waits_for_its_first_token_is_a_503(own_triton: Triton, own_gateway: Gateway) -> None:
    before = own_triton.outcomes("started")
    answers: list[httpx.Response] = []

    def post() -> None:
        url = f"{own_gateway.url}/v1/chat/completions"
        answers.append(httpx.post(url, json=_ask("words=1 delay=30") | {"stream": True}, timeout=60, trust_env=False))

    asking = threading.Thread(target=post)
    asking.start()
    while own_triton.outcomes("started") == before:
        time.sleep(0.02)
    own_triton.kill()
    asking.join()
    assert answers[0].status_code == 503
    own_triton.start_again()

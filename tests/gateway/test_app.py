"""The application as an operator sees it: keys, hosts, limits, readiness, draining, metrics, logs, OpenAPI."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import structlog

import modelyard
from gateway.app import create_app
from modelyard.settings import Settings
from tests.gateway.running import ROOT, Gateway, Triton, serving

ASK = {"model": "parrot", "messages": [{"role": "user", "content": "words=2"}]}


def test_importing_it_opens_nothing() -> None:
    code = """
import sys
def audit(event, args):
    if event.startswith("socket.") and event not in ("socket.__new__", "socket.gethostname"):
        raise SystemExit(f"{event} {args}")
    if event == "open" and isinstance(args[0], str) and args[1] and "w" in str(args[1]):
        raise SystemExit(f"{event} {args}")
sys.addaudithook(audit)
import gateway.app
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.fixture(scope="module")
def locked(triton: Triton) -> Iterator[Gateway]:
    with serving([triton.url], api_key="a-secret-of-this-test", max_body_bytes=2048) as running:
        yield running


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models"),
        ("POST", "/v1/chat/completions"),
        ("POST", "/chat"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
        ("GET", "/nothing"),
    ],
)
def test_with_a_key_all_but_the_probes_need_it(locked: Gateway, method: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        answer = httpx.request(method, locked.url + path, headers=headers, trust_env=False)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["error"]["code"] == "invalid_api_key"


def test_with_the_key_the_caller_may_come_by_any_name(locked: Gateway) -> None:
    headers = {"Authorization": "Bearer a-secret-of-this-test", "Host": "models.example.org"}
    assert httpx.get(f"{locked.url}/v1/models", headers=headers, trust_env=False).status_code == 200
    assert httpx.get(f"{locked.url}/health/live", headers={"Host": "x.example.org"}, trust_env=False).status_code == 200


def test_without_a_key_a_foreign_host_name_is_refused(http: httpx.Client) -> None:
    for path in ("/v1/models", "/health/live", "/chat"):
        answer = http.get(path, headers={"Host": "evil.example.org"})
        assert answer.status_code == 403
    answer = http.options(
        "/v1/models", headers={"Origin": "http://evil.example.org", "Access-Control-Request-Method": "POST"}
    )
    assert "access-control-allow-origin" not in answer.headers


def test_a_body_that_is_too_large_is_refused_before_it_is_read(locked: Gateway) -> None:
    with socket.create_connection(("127.0.0.1", locked.port)) as raw:
        raw.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer a-secret-of-this-test\r\n"
            b"Content-Type: application/json\r\nContent-Length: 99999999\r\n\r\n"
        )
        assert b" 413 " in raw.recv(65536)


def test_a_body_that_does_not_say_how_large_it_is_is_counted(locked: Gateway) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(10):
            yield b" " * 1000

    headers = {"Authorization": "Bearer a-secret-of-this-test", "content-type": "application/json"}
    answer = httpx.post(f"{locked.url}/v1/chat/completions", content=pieces(), headers=headers, trust_env=False)
    assert answer.status_code == 413
    assert "2048" in answer.json()["error"]["message"]


async def test_more_than_the_limit_is_a_503_with_retry_after(triton: Triton) -> None:
    with serving([triton.url], queue_limit=2) as gateway:
        body = {"model": "parrot", "prompt": "words=3 delay=0.2", "stream": True}
        async with httpx.AsyncClient(base_url=gateway.url, timeout=60, trust_env=False) as http:
            answers = await asyncio.gather(*(http.post("/v1/completions", json=body) for _ in range(6)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200, 200, 503, 503, 503, 503]
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["error"]["code"] == "overloaded"


@pytest.mark.proves("GET /health/live", "", "honoured")
def test_draining_lets_answers_finish_and_takes_no_new_ones(triton: Triton) -> None:
    with serving([triton.url]) as gateway, httpx.Client(base_url=gateway.url, timeout=60, trust_env=False) as http:
        before = triton.outcomes("started")
        answers: list[httpx.Response] = []
        body = {"model": "parrot", "prompt": "words=20 delay=0.05", "stream": True}
        asking = threading.Thread(
            target=lambda: answers.append(
                httpx.post(f"{gateway.url}/v1/completions", json=body, timeout=60, trust_env=False)
            )
        )
        asking.start()
        while triton.outcomes("started") == before:
            pass
        gateway.app.state.drain()
        assert http.get("/health/ready").json() == {"status": "stopping"}
        assert http.get("/health/ready").status_code == 503
        assert http.get("/health/live").status_code == 200
        assert http.post("/v1/completions", json=body).status_code == 503
        gateway.run(gateway.app.state.idle())
        asking.join()
    assert answers[0].text.endswith("data: [DONE]\n\n")


def test_a_gateway_that_will_stop_says_so_and_still_answers(triton: Triton) -> None:
    with serving([triton.url]) as gateway, httpx.Client(base_url=gateway.url, timeout=60, trust_env=False) as http:
        gateway.app.state.close()
        assert http.get("/health/ready").json() == {"status": "stopping"}
        assert http.post("/v1/chat/completions", json=ASK).status_code == 200


@pytest.mark.proves("GET /health/ready", "", "honoured")
def test_readiness_waits_for_whoever_started_the_gateway(triton: Triton) -> None:
    with serving([triton.url]) as gateway, httpx.Client(base_url=gateway.url, timeout=60, trust_env=False) as http:
        http.post("/v1/chat/completions", json=ASK)
        gateway.app.state.hold()
        assert http.get("/health/ready").json() == {"status": "starting"}
        gateway.app.state.release()
        assert http.get("/health/ready").json() == {"status": "ready"}
    with serving(["grpc://127.0.0.1:9"]) as gateway, httpx.Client(base_url=gateway.url, trust_env=False) as http:
        assert http.get("/health/ready").json() == {"status": "unavailable"}
        assert http.get("/v1/models").status_code == 503


@pytest.mark.proves("GET /metrics", "", "honoured")
def test_metrics_name_models_and_count_tokens(gateway: Gateway, http: httpx.Client) -> None:
    http.post("/v1/chat/completions", json=ASK)
    http.post("/v1/chat/completions", json=ASK | {"model": "nobody-of-this-name"})
    page = http.get("/metrics").text
    labels = 'dialect="openai",model="parrot"'
    assert re.search(rf'modelyard_gateway_requests_total{{{labels},status="200"}} [1-9]', page)
    assert re.search(rf"modelyard_gateway_completion_tokens_total{{{labels}}} [1-9]", page)
    assert re.search(rf"modelyard_gateway_first_token_seconds_count{{{labels}}} [1-9]", page)
    assert "nobody-of-this-name" not in page
    assert re.search(r'modelyard_gateway_triton_up{triton="\S+"} 1\.0', page)
    assert re.search(r'modelyard_gateway_triton_requests_in_flight{triton="\S+"} \d', page)
    assert "modelyard_gateway_queue_limit 512.0" in page
    assert f'modelyard_gateway_info{{version="{modelyard.__version__}"}} 1.0' in page
    assert "process_resident_memory_bytes" in page


def test_a_request_has_an_id_and_one_line_that_says_nothing_of_what_was_said(triton: Triton) -> None:
    with structlog.testing.capture_logs() as lines, serving([triton.url]) as gateway:
        http = httpx.Client(base_url=gateway.url, timeout=60, trust_env=False)
        given = http.post("/v1/chat/completions", json=ASK, headers={"X-Request-Id": "my-id.1"})
        forged = http.post("/v1/chat/completions", json=ASK, headers={"X-Request-Id": "a b\tc"})
        broken = {"model": "parrot", "messages": [{"role": "user", "content": "words=5 raise=INTERNAL after=1"}]}
        http.post("/v1/chat/completions", json=broken | {"stream": True}, headers={"X-Request-Id": "broken"})
    assert given.headers["x-request-id"] == "my-id.1"
    assert re.fullmatch("[0-9a-f]{32}", forged.headers["x-request-id"])
    (line,) = [line for line in lines if line.get("id") == "my-id.1"]
    assert line["event"] == "request"
    assert (line["model"], line["status"], line["completion_tokens"]) == ("parrot", 200, 2)
    (line,) = [line for line in lines if line.get("id") == "broken"]
    assert (line["outcome"], line["log_level"]) == ("broken", "error")
    assert "polly" not in str(lines)
    assert "words=2" not in str(lines)


# What is joined in app.py, but for WebSockets, which OpenAPI has no word for, and what is only refused.
PATHS = {
    "/v1/chat/completions": {"post"},
    "/v1/completions": {"post"},
    "/v1/models": {"get"},
    "/v1/models/{model}": {"get", "delete"},
    "/v1/models/pull": {"post"},
    "/v1/jobs": {"get"},
    "/v1/jobs/{job}": {"get", "delete"},
    "/v1/jobs/{job}/events": {"get"},
    "/v1/responses": {"post"},
    "/v1/responses/{response_id}": {"get", "delete"},
    "/v1/responses/{response_id}/cancel": {"post"},
    "/v1/responses/{response_id}/input_items": {"get"},
    "/v1/messages": {"post"},
    "/v1/messages/count_tokens": {"post"},
    **{path: {"post"} for path in ("/v1/embeddings", "/v1/moderations", "/v1/rerank", "/v2/rerank", "/rerank")},
    **{path: {"post"} for path in ("/tokenize", "/v1/tokenize", "/detokenize", "/v1/detokenize")},
    **{f"/v1/images/{each}": {"post"} for each in ("generations", "edits", "variations")},
    "/v1/images/files/{name}": {"get"},
    **{f"/v1/audio/{each}": {"post"} for each in ("transcriptions", "translations", "speech")},
    **{f"/api/{each}": {"post"} for each in ("chat", "generate", "embed", "embeddings")},
    **{f"/api/{each}": {"post"} for each in ("show", "pull", "create", "copy")},
    **{f"/api/{each}": {"get"} for each in ("tags", "ps", "version")},
    "/api/delete": {"delete"},
    "/chat": {"post"},
    "/chat/{user_id}": {"delete"},
    "/health/live": {"get"},
    "/health/ready": {"get"},
    "/metrics": {"get"},
}


def test_openapi_tells_the_truth(http: httpx.Client) -> None:
    spec = http.get("/openapi.json").json()
    assert {path: set(methods) for path, methods in spec["paths"].items()} == PATHS
    responses = spec["paths"]["/v1/chat/completions"]["post"]["responses"]
    assert set(responses["200"]["content"]) == {"application/json", "text/event-stream"}
    assert "422" not in str([set(each["responses"]) for path in spec["paths"].values() for each in path.values()])
    schema = spec["components"]["schemas"]["ChatCompletionRequest"]
    assert schema["additionalProperties"] is False
    assert "tools" in schema["properties"]
    assert "functions" not in schema["properties"]  # refused, as every field that is not there
    assert schema["required"] == ["model", "messages"]


def test_an_application_can_be_made_without_any_triton() -> None:
    assert create_app(Settings(_env_file=None), triton_urls=list).title == "Modelyard"


def test_a_model_that_was_never_loaded_says_of_itself_what_its_entry_says(triton: Triton, repository: Path) -> None:
    with (
        serving([triton.url], model_repository=repository) as gateway,
        httpx.Client(base_url=gateway.url, timeout=60, trust_env=False) as http,
    ):
        created = {model["id"]: model["created"] for model in http.get("/v1/models").json()["data"]}
    assert created["sick"] == 1700000000

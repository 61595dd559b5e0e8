"""Bodies that no field can be read from: each is a 4xx in OpenAI's form."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx
import pytest

GOOD: dict[str, Any] = {"model": "parrot", "messages": [{"role": "user", "content": "words=1"}]}
CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"


def _error(answer: httpx.Response, status: int = 400) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"}
    error: dict[str, Any] = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert "Traceback" not in error["message"]
    assert ".py" not in error["message"]
    return error


@pytest.mark.parametrize("path", [CHAT, COMPLETIONS])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe{}",
        b"\xef\xbb\xbf{}",
        json.dumps(GOOD).encode("utf-16"),
        json.dumps(GOOD).encode("latin-1").replace(b"words", b"w\xf6rds"),
        b"[" * 200_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000,
        b'{"model": "parrot"}',
        b'{"model": "parrot", "n": 1' + b"0" * 5000 + b"}",
        b'{"model": "parrot", "temperature": NaN}',
        b'{"model": "parrot", "temperature": -Infinity}',
        b'{"model": "parrot", "temperature": 1e999}',
    ],
)
def test_a_body_that_is_no_request(http: httpx.Client, path: str, body: bytes) -> None:
    error = _error(http.post(path, content=body, headers={"content-type": "application/json"}))
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "nested",
    [
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": "DEEP"}}]},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": "DEEP"}}},
        {"guided_json": "DEEP"},
        {"chat_template_kwargs": "DEEP"},
        {"metadata": "DEEP"},
    ],
)
def test_what_is_nested_too_deep_anywhere_says_so(http: httpx.Client, nested: dict[str, Any]) -> None:
    deep = b'{"a":' * 300 + b"1" + b"}" * 300
    body = json.dumps(GOOD | nested).encode().replace(b'"DEEP"', deep)
    error = _error(http.post(CHAT, content=body, headers={"content-type": "application/json"}))
    assert (error["code"], "nested more than" in error["message"]) == ("invalid_json", True)


def test_half_a_surrogate_pair_is_no_text(http: httpx.Client) -> None:
    for body in (
        GOOD | {"messages": [{"role": "user", "content": "\ud800"}]},
        GOOD | {"stop": ["\ud800"]},
        GOOD | {"\ud800": 1},
        GOOD | {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"a": "\udc00"}}}]},
    ):
        answer = http.post(CHAT, content=json.dumps(body), headers={"content-type": "application/json"})
        assert _error(answer)["code"] == "invalid_json"


def test_another_content_type_is_refused(http: httpx.Client) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = http.post(CHAT, content=json.dumps(GOOD), headers={"content-type": content_type})
        assert _error(answer, 415)["code"] == "unsupported_media_type"


def test_a_compressed_body_is_refused(http: httpx.Client) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    error = _error(http.post(CHAT, content=gzip.compress(json.dumps(GOOD).encode()), headers=headers), 415)
    assert "Content-Encoding" in error["message"]


def test_a_body_that_says_its_encoding_and_keeps_to_it_is_read(http: httpx.Client) -> None:
    headers = {"content-type": "application/json; charset=utf-8", "content-encoding": "identity"}
    assert http.post(CHAT, content=json.dumps(GOOD), headers=headers).status_code == 200


def test_unknown_paths_and_methods_have_the_same_form(http: httpx.Client) -> None:
    assert _error(http.get("/v1/nothing"), 404)["code"] == "not_found"
    assert _error(http.get(CHAT), 405)["code"] == "method_not_allowed"
    assert _error(http.get("/v2"), 404)


def test_a_prompt_that_is_too_long_says_so(http: httpx.Client) -> None:
    long = "a " * 5000
    error = _error(http.post(CHAT, json=GOOD | {"messages": [{"role": "user", "content": long}]}))
    assert error["code"] == "context_length_exceeded"
    assert error["param"] == "messages"
    assert "4096" in error["message"]
    assert _error(http.post(COMPLETIONS, json={"model": "parrot", "prompt": long}))["param"] == "prompt"

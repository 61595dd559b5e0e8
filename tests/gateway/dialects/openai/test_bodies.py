"""Bodies that are wrong in every way that a body can be: each is a 400 in OpenAI's form that names the field."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

USER = [{"role": "user", "content": "words=1"}]
GOOD: dict[str, Any] = {"model": "parrot", "messages": USER}
GOOD_PROMPT: dict[str, Any] = {"model": "parrot", "prompt": "words=1"}


def _error(answer: httpx.Response, status: int = 400) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"}
    error: dict[str, Any] = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert "Traceback" not in error["message"]
    assert ".py" not in error["message"]
    return error


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe{}",
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b'{"model": "parrot"}',
        b'{"model": "parrot", "n": 1' + b"0" * 5000 + b"}",
    ],
)
def test_a_body_that_is_no_request(http: httpx.Client, path: str, body: bytes) -> None:
    error = _error(http.post(path, content=body, headers={"content-type": "application/json"}))
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", "1"),
        ("temperature", 2.1),
        ("temperature", True),
        ("top_p", -0.1),
        ("n", 0),
        ("n", 1.5),
        ("max_tokens", 0),
        ("max_completion_tokens", -1),
        ("seed", 2**64),
        ("presence_penalty", 3),
        ("frequency_penalty", "none"),
        ("logit_bias", {"1": 101}),
        ("logit_bias", []),
        ("stop", ""),
        ("stop", [""]),
        ("stop", [1]),
        ("top_logprobs", 2),
        ("top_logprobs", 21),
        ("stream", "yes"),
        ("stream_options", {"include_usage": True}),
        ("messages", []),
        ("messages", "hello"),
        ("model", 1),
        ("model", ""),
        ("model", None),
        ("unheard_of", 1),
    ],
)
def test_a_wrong_value_is_named(http: httpx.Client, field: str, value: object) -> None:
    error = _error(http.post("/v1/chat/completions", json=GOOD | {field: value}))
    assert error["param"].startswith(field)
    assert f"'{field}" in error["message"]


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"content": "x"}, "messages[1].role"),
        ({"role": "user"}, "messages[1].content"),
        ({"role": "user", "content": None}, "messages[1].content"),
        ({"role": "user", "content": 5}, "messages[1].content"),
        ({"role": "user", "content": []}, "messages[1].content"),
        ({"role": "king", "content": "x"}, "messages[1].role"),
        ({"role": "tool", "content": "x", "tool_call_id": "1"}, "messages[1].role"),
        ({"role": "assistant", "content": "x", "tool_calls": [{"id": "1"}]}, "messages[1].tool_calls"),
        ({"role": "user", "content": "x", "mood": 1}, "messages[1].mood"),
        ({"role": "user", "content": [{"type": "text"}]}, "messages[1].content[0].text"),
        ({"role": "user", "content": [{"type": "image_url", "image_url": {"url": ""}}]}, "messages[1].content[0].type"),
        ({"role": "user", "content": [{"type": "input_audio"}]}, "messages[1].content[0].type"),
        ({"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "file"}]}, "messages[1].content[1].type"),
        ("text", "messages[1]"),
    ],
)
def test_what_is_wrong_with_a_message_is_named(http: httpx.Client, message: object, param: str) -> None:
    error = _error(http.post("/v1/chat/completions", json=GOOD | {"messages": [*USER, message]}))
    assert error["param"] == param


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tools", [{"type": "function", "function": {"name": "f"}}]),
        ("tool_choice", "required"),
        ("functions", [{"name": "f"}]),
        ("function_call", {"name": "f"}),
        ("response_format", {"type": "json_object"}),
        ("response_format", {"type": "json_schema", "json_schema": {}}),
        ("audio", {"voice": "alloy", "format": "wav"}),
        ("modalities", ["text", "audio"]),
        ("prediction", {"type": "content", "content": "x"}),
        ("reasoning_effort", "high"),
        ("verbosity", "low"),
        ("web_search_options", {}),
        ("moderation", {"model": "m"}),
        ("store", True),
        ("service_tier", "priority"),
        ("prompt_cache_options", {"mode": "explicit"}),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(http: httpx.Client, field: str, value: object) -> None:
    error = _error(http.post("/v1/chat/completions", json=GOOD | {field: value}))
    assert error["param"] == field
    assert error["code"] == "unsupported_parameter"


def test_fields_that_ask_for_nothing_are_accepted(http: httpx.Client) -> None:
    nothing = {
        "tools": [],
        "tool_choice": "auto",
        "response_format": {"type": "text"},
        "modalities": ["text"],
        "store": False,
        "service_tier": "auto",
        "audio": None,
        "user": "u",
        "metadata": {"a": "b"},
        "parallel_tool_calls": True,
        "safety_identifier": "s",
        "prompt_cache_key": "k",
        "logit_bias": {},
        "stop": [],
        "temperature": None,
        "stream": None,
        "n": None,
    }
    assert http.post("/v1/chat/completions", json=GOOD | nothing).status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("suffix", "end"),
        ("best_of", 3),
        ("prompt", [1, 2]),
        ("prompt", [[1], [2]]),
        ("prompt", []),
        ("prompt", 5),
        ("echo", "yes"),
        ("logprobs", True),
        ("messages", USER),
    ],
)
def test_completions_refuse_likewise(http: httpx.Client, field: str, value: object) -> None:
    error = _error(http.post("/v1/completions", json=GOOD_PROMPT | {field: value}))
    assert error["param"] == field


def test_echo_with_logprobs_is_refused(http: httpx.Client) -> None:
    assert _error(http.post("/v1/completions", json=GOOD_PROMPT | {"echo": True, "logprobs": 1}))["param"] == "echo"


def test_half_a_surrogate_pair_is_no_text(http: httpx.Client) -> None:
    for body in (
        GOOD | {"messages": [{"role": "user", "content": "\ud800"}]},
        GOOD | {"messages": [{"role": "user", "content": [{"type": "text", "text": "\udc00"}]}]},
        GOOD | {"stop": ["\ud800"]},
        GOOD | {"model": "\ud800"},
        GOOD | {"\ud800": 1},
    ):
        _error(
            http.post("/v1/chat/completions", content=json.dumps(body), headers={"content-type": "application/json"})
        )


def test_another_content_type_is_refused(http: httpx.Client) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = http.post("/v1/chat/completions", content=json.dumps(GOOD), headers={"content-type": content_type})
        assert _error(answer, 415)["code"] == "unsupported_media_type"


def test_unknown_paths_and_methods_have_the_same_form(http: httpx.Client) -> None:
    assert _error(http.get("/v1/nothing"), 404)["code"] == "not_found"
    assert _error(http.get("/v1/chat/completions"), 405)["code"] == "method_not_allowed"
    assert _error(http.get("/"), 404)


def test_a_prompt_that_is_too_long_says_so(http: httpx.Client) -> None:
    error = _error(
        http.post("/v1/chat/completions", json=GOOD | {"messages": [{"role": "user", "content": "a " * 5000}]})
    )
    assert error["code"] == "context_length_exceeded"
    assert error["param"] == "messages"
    assert "4096" in error["message"]
    assert _error(http.post("/v1/completions", json=GOOD_PROMPT | {"prompt": "a " * 5000}))["param"] == "prompt"

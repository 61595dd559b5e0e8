"""Chat completions: what is wrong or cannot be honoured is a 400 that names the field, by HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

CHAT = "POST /v1/chat/completions"
USER = [{"role": "user", "content": "words=1"}]
GOOD: dict[str, Any] = {"model": "parrot", "messages": USER}
TOOL = {"type": "function", "function": {"name": "f"}}


def _error(http: httpx.Client, body: dict[str, Any]) -> dict[str, Any]:
    answer = http.post("/v1/chat/completions", json=body)
    assert answer.status_code == 400, answer.text
    error: dict[str, Any] = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    return error


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
        ("logit_bias", {"word": 1}),
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
        ("tools", {}),
        ("tools", [{"type": "function"}]),
        ("tools", [{"type": "function", "function": {"name": "has space"}}]),
        ("tools", [{"type": "function", "function": {"name": "f", "parameters": {"type": "array"}}}]),
        ("tools", [{"type": "function", "function": {"name": "f", "parameters": []}}]),
        ("tools", [TOOL, TOOL]),
        ("tool_choice", "required"),
        ("tool_choice", "any"),
        ("tool_choice", {"type": "function"}),
        ("tool_choice", {"type": "function", "function": {"name": "f"}}),
        ("tool_choice", {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}),
        ("parallel_tool_calls", "no"),
        ("response_format", "json"),
        ("response_format", {"type": "json_schema"}),
        ("response_format", {"type": "json_object", "json_schema": {"name": "n"}}),
        ("response_format", {"type": "json_schema", "json_schema": {"schema": {}}}),
        ("response_format", {"type": "json_schema", "json_schema": {"name": "n", "schema": "text"}}),
        ("response_format", {"type": "json_schema", "json_schema": {"name": "n", "schema": True}}),
        ("structured_outputs", {}),
        ("structured_outputs", {"structural_tag": "x"}),
        ("structured_outputs", {"json": "{"}),
        ("structured_outputs", {"json": "[]"}),
        ("structured_outputs", {"regex": "a", "choice": ["a"]}),
        ("guided_choice", []),
        ("stop_token_ids", [-1]),
        ("reasoning_effort", "extreme"),
        ("metadata", {"a": 1}),
        ("user", 5),
        ("continue_final_message", True),
        ("chat_template_kwargs", {"messages": []}),
    ],
)
def test_a_wrong_value_is_named(http: httpx.Client, field: str, value: object) -> None:
    error = _error(http, GOOD | {field: value})
    assert error["param"].startswith(field)
    assert f"'{field}" in error["message"]


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"max_tokens": 5, "max_completion_tokens": 6}, "max_tokens"),
        ({"max_tokens": 5, "min_tokens": 6}, "min_tokens"),
        ({"guided_regex": "a", "response_format": {"type": "json_object"}}, "guided_regex"),
        ({"guided_regex": "a", "structured_outputs": {"choice": ["a"]}}, "guided_regex"),
        ({"reasoning_effort": "high", "chat_template_kwargs": {"enable_thinking": False}}, "reasoning_effort"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}}, "tool_choice"),
    ],
)
def test_fields_that_contradict_one_another_are_named(http: httpx.Client, more: dict[str, Any], param: str) -> None:
    assert _error(http, GOOD | more)["param"] == param


def _part(**part: object) -> dict[str, Any]:
    return {"role": "user", "content": [part]}


CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"content": "x"}, "role"),
        ({"role": "user"}, "content"),
        ({"role": "user", "content": None}, "content"),
        ({"role": "user", "content": 5}, "content"),
        ({"role": "user", "content": []}, "content"),
        ({"role": "assistant"}, "content"),
        ({"role": "assistant", "tool_calls": []}, "content"),
        ({"role": "king", "content": "x"}, "role"),
        ({"role": "tool", "content": "x"}, "tool_call_id"),
        ({"role": "tool", "tool_call_id": "1"}, "content"),
        ({"role": "user", "content": "x", "tool_call_id": "1"}, "tool_call_id"),
        ({"role": "user", "content": "x", "tool_calls": [CALL]}, "tool_calls"),
        ({"role": "user", "content": "x", "refusal": "no"}, "refusal"),
        ({"role": "assistant", "content": "x", "tool_calls": [{"id": "1"}]}, "tool_calls[0].function"),
        ({"role": "assistant", "reasoning": "a", "reasoning_content": "b", "content": "x"}, "reasoning"),
        ({"role": "user", "content": "x", "mood": 1}, "mood"),
        (_part(type="text"), "content[0].text"),
        (_part(type="text", text="x", refusal="x"), "content[0].refusal"),
        (_part(type="refusal", refusal="x"), "content[0].type"),
        (_part(type="image_url"), "content[0].image_url"),
        (_part(type="image_url", image_url={}), "content[0].image_url.url"),
        (_part(type="image_url", image_url={"url": ""}), "content[0].image_url.url"),
        (_part(type="image_url", image_url={"url": "data:,"}), "content[0].image_url.url"),
        (_part(type="image_url", image_url={"url": "https://example.com/a.png"}), "content[0].image_url.url"),
        (_part(type="image_url", image_url={"url": "file:///etc/passwd"}), "content[0].image_url.url"),
        (_part(type="image_url", image_url={"url": "data:,", "detail": "huge"}), "content[0].image_url.detail"),
        ({"role": "system", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}, "content[0].type"),
        ("text", ""),
    ],
)
def test_what_is_wrong_with_a_message_is_named(http: httpx.Client, message: object, param: str) -> None:
    error = _error(http, GOOD | {"messages": [*USER, message]})
    assert error["param"] == f"messages[1].{param}".rstrip(".")


def test_a_picture_from_elsewhere_is_refused_with_the_setting_that_allows_it(http: httpx.Client) -> None:
    message = _part(type="image_url", image_url={"url": "https://example.com/a.png"})
    error = _error(http, GOOD | {"messages": [message]})
    assert "MODELYARD_ALLOW_REMOTE_IMAGES" in error["message"]


def _refused(field: str, value: object, name: str | None = None) -> Any:
    return pytest.param(field, value, marks=pytest.mark.proves(CHAT, name or field, "refused"), id=name or field)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        _refused("functions", [{"name": "f"}]),
        _refused("function_call", {"name": "f"}),
        _refused("audio", {"voice": "alloy", "format": "wav"}),
        _refused("modalities", ["text", "audio"], "modalities (audio)"),
        _refused("prediction", {"type": "content", "content": "x"}),
        _refused("verbosity", "low", "verbosity (low, high)"),
        _refused("web_search_options", {}),
        _refused("moderation", {"model": "m"}),
        _refused("store", True, "store (true)"),
        _refused("service_tier", "priority", "service_tier (flex, scale, priority, fast)"),
        _refused("prompt_cache_options", {"mode": "explicit"}),
        _refused("prompt_cache_retention", "24h", "prompt_cache_retention (24h)"),
        _refused("add_generation_prompt", False, "add_generation_prompt (false)"),
        _refused("chat_template", "{{ messages }}"),
        _refused("documents", [{"text": "x"}]),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(http: httpx.Client, field: str, value: object) -> None:
    error = _error(http, GOOD | {field: value})
    assert error["param"] == field
    assert error["code"] == "unsupported_parameter"


@pytest.mark.parametrize(
    ("more", "param"),
    [
        pytest.param(
            {"tools": [{"type": "custom", "custom": {"name": "f"}}]},
            "tools[0].type",
            marks=pytest.mark.proves(CHAT, "tools (custom)", "refused"),
        ),
        pytest.param(
            {"tools": [TOOL], "tool_choice": {"type": "custom", "custom": {"name": "f"}}},
            "tool_choice.type",
            marks=pytest.mark.proves(CHAT, "tool_choice (custom)", "refused"),
        ),
        pytest.param(
            {"stream": True, "stream_options": {"include_obfuscation": True}},
            "stream_options.include_obfuscation",
            marks=pytest.mark.proves(CHAT, "stream_options.include_obfuscation (true)", "refused"),
        ),
        pytest.param(
            {"stream": True, "stream_options": {"continuous_usage_stats": True}},
            "stream_options.continuous_usage_stats",
            marks=pytest.mark.proves(CHAT, "stream_options.continuous_usage_stats (true)", "refused"),
        ),
    ],
)
def test_a_part_of_a_field_is_refused_by_its_name(http: httpx.Client, more: dict[str, Any], param: str) -> None:
    error = _error(http, GOOD | more)
    assert (error["param"], error["code"]) == (param, "unsupported_parameter")


@pytest.mark.parametrize(
    ("message", "param"),
    [
        pytest.param(
            {"role": "function", "name": "f", "content": "x"},
            "role",
            marks=pytest.mark.proves(CHAT, "messages (role function)", "refused"),
        ),
        pytest.param(
            {"role": "assistant", "content": "x", "function_call": {"name": "f", "arguments": "{}"}},
            "function_call",
            marks=pytest.mark.proves(CHAT, "messages.function_call", "refused"),
        ),
        pytest.param(
            {"role": "assistant", "content": "x", "audio": {"id": "a"}},
            "audio",
            marks=pytest.mark.proves(CHAT, "messages.audio", "refused"),
        ),
        pytest.param(
            {"role": "assistant", "tool_calls": [{"id": "1", "type": "custom", "custom": {"name": "f", "input": ""}}]},
            "tool_calls[0].type",
            marks=pytest.mark.proves(CHAT, "messages.tool_calls (custom)", "refused"),
        ),
        pytest.param(
            _part(type="input_audio", input_audio={"data": "", "format": "wav"}),
            "content[0].type",
            marks=pytest.mark.proves(CHAT, "messages.content.input_audio", "refused"),
        ),
        pytest.param(
            {"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "file", "file": {"file_id": "1"}}]},
            "content[1].type",
            marks=pytest.mark.proves(CHAT, "messages.content.file", "refused"),
        ),
        pytest.param(
            _part(type="text", text="x", prompt_cache_breakpoint={"mode": "explicit"}),
            "content[0].prompt_cache_breakpoint",
            marks=pytest.mark.proves(CHAT, "messages.content.prompt_cache_breakpoint", "refused"),
        ),
    ],
)
def test_what_no_model_here_reads_is_refused_by_name(http: httpx.Client, message: object, param: str) -> None:
    error = _error(http, GOOD | {"messages": [*USER, message]})
    assert (error["param"], error["code"]) == (f"messages[1].{param}", "unsupported_parameter")


@pytest.mark.proves(CHAT, "user", "honoured")
@pytest.mark.proves(CHAT, "metadata", "honoured")
@pytest.mark.proves(CHAT, "safety_identifier", "honoured")
@pytest.mark.proves(CHAT, "prompt_cache_key", "honoured")
def test_labels_of_the_sender_are_taken_and_change_nothing(http: httpx.Client) -> None:
    labels = {"user": "u", "metadata": {"a": "b"}, "safety_identifier": "s", "prompt_cache_key": "k"}
    answers = [http.post("/v1/chat/completions", json=GOOD | more).json() for more in ({}, labels)]
    assert answers[0]["choices"] == answers[1]["choices"]


@pytest.mark.proves(CHAT, "modalities", "honoured")
@pytest.mark.proves(CHAT, "verbosity", "honoured")
@pytest.mark.proves(CHAT, "store", "honoured")
@pytest.mark.proves(CHAT, "service_tier", "honoured")
@pytest.mark.proves(CHAT, "prompt_cache_retention", "honoured")
@pytest.mark.proves(CHAT, "stream_options.include_obfuscation", "honoured")
def test_fields_that_ask_for_what_is_so_anyway_are_accepted(http: httpx.Client) -> None:
    nothing = {
        "tools": [],
        "tool_choice": "auto",
        "functions": [],
        "response_format": {"type": "text"},
        "modalities": ["text"],
        "store": False,
        "service_tier": "auto",
        "verbosity": "medium",
        "prompt_cache_retention": "in_memory",
        "prompt_cache_options": {"mode": "implicit"},
        "audio": None,
        "logit_bias": {},
        "stop": [],
        "temperature": None,
        "n": None,
        "add_generation_prompt": True,
        "continue_final_message": False,
        "stream": True,
        "stream_options": {"include_obfuscation": False, "continuous_usage_stats": False},
    }
    assert http.post("/v1/chat/completions", json=GOOD | nothing).status_code == 200

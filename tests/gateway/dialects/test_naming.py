"""What is refused behind a dialect is named as its client has named it, in the sentence too."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

_TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def _openai(text: str, **fields: Any) -> dict[str, Any]:
    return {"model": "parrot", "messages": [{"role": "user", "content": text}], **fields}


def _completion(text: str, **fields: Any) -> dict[str, Any]:
    return {"model": "parrot", "prompt": text, **fields}


def _generate(text: str, **fields: Any) -> dict[str, Any]:
    return {"model": "parrot", "prompt": text, **fields}


def _anthropic(text: str, **fields: Any) -> dict[str, Any]:
    return _openai(text, max_tokens=50, **fields)


def _chat(text: str, **fields: Any) -> dict[str, Any]:
    return {"user_id": "naming", "message": text, **fields}


_ASKS = {
    "/v1/chat/completions": _openai,
    "/v1/completions": _completion,
    "/v1/messages": _anthropic,
    "/api/chat": _openai,
    "/api/generate": _generate,
    "/chat": _chat,
}
_SCHEMA = {"type": "object"}
_FORMAT = {"format": {"type": "json_schema", "schema": _SCHEMA}}

CASES: list[tuple[str, str, dict[str, Any], str]] = [
    ("/v1/chat/completions", "structured_outputs", {"guided_json": _SCHEMA}, "guided_json"),
    ("/v1/chat/completions", "structured_outputs", {"structured_outputs": {"regex": "a"}}, "structured_outputs"),
    ("/v1/chat/completions", "max_tokens", {"max_completion_tokens": 5}, "max_completion_tokens"),
    ("/v1/completions", "structured_outputs", {"guided_json": _SCHEMA}, "guided_json"),
    ("/v1/completions", "structured_outputs", {"guided_regex": "a"}, "guided_regex"),
    ("/v1/completions", "structured_outputs", {"guided_choice": ["a"]}, "guided_choice"),
    ("/v1/completions", "structured_outputs", {"guided_grammar": "root ::= 'a'"}, "guided_grammar"),
    ("/v1/messages", "structured_outputs", {"output_config": _FORMAT}, "output_config.format"),
    ("/v1/messages", "stop", {"stop_sequences": ["x"]}, "stop_sequences"),
    ("/v1/messages", "include_stop_str_in_output", {"stop_sequences": ["x"]}, "stop_sequences"),
    ("/v1/messages", "top_k", {"top_k": 3}, "top_k"),
    *(
        (path, ours, {"options": {theirs: 1}}, f"options.{theirs}")
        for path in ("/api/chat", "/api/generate")
        for ours, theirs in (
            ("repetition_penalty", "repeat_penalty"),
            ("max_tokens", "num_predict"),
            ("presence_penalty", "presence_penalty"),
            ("frequency_penalty", "frequency_penalty"),
            ("temperature", "temperature"),
            ("top_k", "top_k"),
            ("top_p", "top_p"),
            ("min_p", "min_p"),
            ("seed", "seed"),
        )
    ),
    *(
        (path, ours, given, theirs)
        for path in ("/api/chat", "/api/generate")
        for ours, given, theirs in (
            ("structured_outputs", {"format": "json"}, "format"),
            ("logprobs", {"logprobs": True}, "logprobs"),
            ("logprobs", {"logprobs": True, "top_logprobs": 1}, "top_logprobs"),
            ("stop", {"options": {"stop": ["x"]}}, "options.stop"),
        )
    ),
    ("/v1/chat/completions", "image", {}, "messages"),
    ("/v1/messages", "image", {}, "messages"),
    ("/api/chat", "image", {}, "messages"),
    ("/api/generate", "image", {}, "images"),
    ("/chat", "top_k", {"top_k": 3}, "top_k"),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("path", "ours", "given", "theirs"), CASES)
def test_what_the_engine_refuses(
    http: httpx.Client, path: str, ours: str, given: dict[str, Any], theirs: str, stream: bool
) -> None:
    answer = http.post(path, json=_ASKS[path](f"refuse={ours}", stream=stream, **given))
    assert answer.status_code == 400
    _is_named(answer.json()["error"], theirs)
    if ours != theirs:
        assert ours not in set(re.findall(r"[\w.]+", answer.text)) - {theirs}


@pytest.mark.parametrize(
    ("path", "given", "theirs"),
    [
        ("/v1/messages", {"thinking": {"type": "enabled", "budget_tokens": 1024}}, "thinking"),
        ("/v1/messages", {"tools": [{"name": "f", "input_schema": _SCHEMA}]}, "tools"),
        ("/api/chat", {"think": True}, "think"),
        ("/api/generate", {"think": True}, "think"),
        ("/api/chat", {"tools": [_TOOL]}, "tools"),
        ("/api/generate", {"raw": True, "prompt": "word " * 5000}, "prompt"),
        ("/api/generate", {"prompt": "word " * 5000}, "prompt"),
        ("/api/chat", {"messages": [{"role": "user", "content": "word " * 5000}]}, "messages"),
        ("/v1/completions", {"prompt": "word " * 5000}, "prompt"),
        ("/v1/messages", {"messages": [{"role": "user", "content": "word " * 5000}]}, "messages"),
        ("/chat", {"message": "word " * 5000}, "message"),
    ],
)
def test_what_the_gateway_refuses(http: httpx.Client, path: str, given: dict[str, Any], theirs: str) -> None:
    answer = http.post(path, json=_ASKS[path]("words=1", stream=False) | given)
    assert answer.status_code == 400
    _is_named(answer.json()["error"], theirs)


def _is_named(error: Any, theirs: str) -> None:
    """In a place of its own where the dialect has one, else in the sentence."""
    if isinstance(error, str):
        assert f"'{theirs}'" in error
    elif "param" in error or "field" in error:
        assert error.get("param", error.get("field")) == theirs
    else:
        assert f"'{theirs}'" in error["message"]

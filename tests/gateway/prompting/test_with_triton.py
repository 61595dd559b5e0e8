"""Thoughts and calls of a model in a real Triton reach a client as they come."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.gateway.running import Triton, add_parrot, serving

TEMPLATE = (
    "{% for m in messages %}{{ m.content }}{% endfor %}{% if tools %} {{ tools | length }} <tool_call>{% endif %}"
    "{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}"
)
ANSWER = (
    '<think>\nHm.\n</think>\n\nLooking.\n<tool_call>\n{"name": "rain", "arguments": {"city": "Bergen"}}\n</tool_call>\n'
)
TOOLS = [{"type": "function", "function": {"name": "rain", "parameters": {"type": "object"}}}]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    repository: Path = tmp_path_factory.mktemp("prompting") / "repository"
    repository.mkdir()
    add_parrot(repository, "thinker", CHAT_TEMPLATE=TEMPLATE.replace('"', '\\"'), TASK="text-generation")
    triton = Triton(repository, repository.parent / "triton.log")
    try:
        with (
            serving([triton.url], model_repository=repository, default_model="thinker") as running,
            httpx.Client(base_url=running.url, timeout=60, trust_env=False) as http,
        ):
            yield http
    finally:
        triton.close()


def _body(said: str, **fields: Any) -> dict[str, Any]:
    order = f"say=script chunk=3 <<<{said}>>>"
    return {"model": "thinker", "messages": [{"role": "user", "content": order}], "max_tokens": 500, **fields}


def test_a_whole_answer_has_its_thought_and_its_call_apart(client: httpx.Client) -> None:
    answer = client.post("/v1/chat/completions", json=_body(ANSWER, tools=TOOLS)).json()["choices"][0]
    assert answer["finish_reason"] == "tool_calls"
    assert answer["message"]["content"] == "Looking."
    assert answer["message"]["reasoning_content"] == "Hm."
    (call,) = answer["message"]["tool_calls"]
    assert call["function"] == {"name": "rain", "arguments": '{"city": "Bergen"}'}


def test_a_stream_has_them_as_they_come(client: httpx.Client) -> None:
    thought, text, arguments, names = "", "", [], []
    with client.stream("POST", "/v1/chat/completions", json=_body(ANSWER, tools=TOOLS, stream=True)) as stream:
        for line in stream.iter_lines():
            if not line.startswith("data: {"):
                continue
            for choice in json.loads(line[6:])["choices"]:
                delta = choice["delta"]
                thought += delta.get("reasoning_content") or ""
                text += delta.get("content") or ""
                for call in delta.get("tool_calls") or ():
                    names += [call["function"]["name"]] if call["function"].get("name") else []
                    arguments.append(call["function"].get("arguments") or "")
    assert (thought, text, names) == ("Hm.", "Looking.", ["rain"])
    assert "".join(arguments) == '{"city": "Bergen"}'
    assert len([each for each in arguments if each]) > 3


def test_a_named_function_is_held_to_its_schema_and_read_back(client: httpx.Client) -> None:
    choice = {"type": "function", "function": {"name": "rain"}}
    body = _body('{"city": "Bergen"}', tools=TOOLS, tool_choice=choice)
    message = client.post("/v1/chat/completions", json=body).json()["choices"][0]["message"]
    assert message["tool_calls"][0]["function"] == {"name": "rain", "arguments": '{"city": "Bergen"}'}
    body["messages"][0]["content"] = "say=sampling"
    message = client.post("/v1/chat/completions", json=body).json()["choices"][0]["message"]
    sampling = json.loads(message["tool_calls"][0]["function"]["arguments"])
    assert sampling["structured_outputs"] == {"json": {"type": "object"}}

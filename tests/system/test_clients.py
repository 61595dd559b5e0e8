"""The clients of others, unmodified and in an environment of their own, against a running service and its real engine.

What a client sends and prints is in tests/clients/; here is what must have come of it.
"""

from __future__ import annotations

import json
import subprocess

import httpx
import pytest

from tests.system.foreign_clients import run_client
from tests.system.service import Service

CITIES = ("Oslo", "Lima")
# Hermes' form of tool calls, in the words of the demo model's own template.
TEMPLATE = """\
{%- if tools -%}<|system|>Call {{ tools | tojson }} by <tool_call>{json}</tool_call>.<|end|>{%- endif -%}
{%- for message in messages -%}<|{{ message.role }}|>{{ message.content | trim }}<|end|>{%- endfor -%}
{%- if add_generation_prompt -%}<|assistant|>{%- endif -%}"""


@pytest.fixture(scope="module")
def tooled(service: Service) -> str:
    """The demo model with a chat template that has a place for tools, made as a user of Ollama makes a variant."""
    wish = {"model": "tooled", "from": "demo", "template": TEMPLATE, "stream": False}
    made = httpx.post(f"{service.url}/api/create", json=wish, timeout=120, trust_env=False)
    assert made.json() == {"status": "success"}
    return "tooled"


@pytest.mark.proves("POST /v1/chat/completions", "tools", "honoured")
@pytest.mark.proves("POST /v1/chat/completions", "response_format", "honoured")
@pytest.mark.proves("POST /v1/chat/completions", "web_search_options", "refused")
def test_openai_of_python(service: Service, tooled: str) -> None:
    said = run_client("openai_client.py", service, tooled)
    assert {"demo", tooled} <= set(said["models"])
    assert said["text"].strip()
    assert said["streamed"] == said["text"]
    assert said["stream_tokens"] == said["whole_tokens"]
    assert said["calls"], "the choice was 'required'"
    assert all(name == "get_weather" and list(given) == ["city"] for name, given in said["calls"])
    assert all(given["city"] in CITIES for _, given in said["calls"])
    assert said["call_reason"] == "tool_calls"
    assert set(said["judged"]) == {"good"}
    assert isinstance(said["judged"]["good"], bool)
    assert said["refused"] == "web_search_options"


def test_openai_of_javascript(service: Service, tooled: str) -> None:
    said = run_client("openai_client.mjs", service, tooled)
    assert {"demo", tooled} <= set(said["models"])
    assert said["text"].strip()
    assert said["streamed"] == said["text"]
    assert [name for name, _ in said["calls"]] == ["get_weather"]
    assert said["calls"][0][1]["city"] in CITIES
    assert said["judged"]["city"] in CITIES


@pytest.mark.proves("GET /api/tags", "", "honoured")
@pytest.mark.proves("GET /api/ps", "", "honoured")
@pytest.mark.proves("POST /api/chat", "format", "honoured")
def test_ollama_of_python(service: Service, tooled: str) -> None:
    said = run_client("ollama_client.py", service, tooled)
    assert "demo:latest" in said["models"]
    assert f"{tooled}:latest" in said["running"]
    assert "completion" in said["capabilities"]
    assert said["text"].strip()
    assert said["streamed"] == said["text"] == said["async"]
    assert said["generated"].strip()
    assert said["done"] == [False, True]
    assert all(figure > 0 for figure in said["durations"] + said["counts"])
    assert isinstance(said["judged"]["good"], bool)
    assert said["missing"] == 404
    assert said["prompt_tokens"][0] < said["prompt_tokens"][1], "the model was shown no tools"


def test_ollama_of_javascript(service: Service, tooled: str) -> None:
    said = run_client("ollama_client.mjs", service, tooled)
    assert "demo:latest" in said["models"]
    assert said["text"].strip()
    assert said["streamed"] == said["text"]
    assert said["generated"].strip()
    assert isinstance(said["judged"]["good"], bool)
    assert said["prompt_tokens"][0] < said["prompt_tokens"][1], "the model was shown no tools"


def test_langchain_openai(service: Service, tooled: str) -> None:
    said = run_client("langchain_openai_client.py", service, tooled)
    assert said["text"].strip()
    assert said["streamed"] == said["text"]
    assert said["calls"][0][0] == "Weather"
    assert said["calls"][0][1]["city"] in CITIES
    assert said["structured"]["city"] in CITIES


def test_langchain_ollama(service: Service, tooled: str) -> None:
    said = run_client("langchain_ollama_client.py", service, tooled)
    assert said["text"].strip()
    assert said["streamed"] == said["text"]
    assert said["structured"]["city"] in CITIES
    assert said["prompt_tokens"][0] < said["prompt_tokens"][1], "the model was shown no tools"


def test_llama_index(service: Service) -> None:
    said = run_client("llama_index_client.py", service)
    assert said["openai"].strip()
    assert said["openai"] == said["openai_streamed"] == said["ollama"] == said["ollama_streamed"]


@pytest.mark.proves("POST /v1/messages", "tools", "honoured")
def test_anthropic(service: Service, tooled: str) -> None:
    said = run_client("anthropic_client.py", service, tooled)
    assert said["text"].strip()
    assert said["streamed"] == said["text"]
    assert said["tokens"][0] == said["tokens"][1]
    assert said["calls"]
    assert all(name == "get_weather" and given["city"] in CITIES for name, given in said["calls"])
    assert said["call_reason"] == "tool_use"
    assert said["missing"] == 404


def test_curl(service: Service) -> None:
    body = json.dumps({"model": "demo", "prompt": "What is Modelyard?", "options": {"num_predict": 4}})
    done = subprocess.run(
        ["curl", "--silent", "--fail", "--noproxy", "*", f"{service.url}/api/generate", "-d", body],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    assert "".join(line["response"] for line in lines).strip()

"""/tokenize and /detokenize through the whole line: a real model of llama.cpp's, and an engine that knows no tokens."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import pytest

from tests.converters.gguf_files import BOS, CONTEXT, TEMPLATE, write_gguf
from tests.gateway.running import ROOT, Gateway, Triton, add_parrot, serving

pytestmark = pytest.mark.filterwarnings("ignore:builtin type:DeprecationWarning")

MESSAGES = [{"role": "user", "content": "hello"}]
RENDERED = f"{BOS}<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n"
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("tokens")
    repository = folder / "repository"
    (repository / "tiny" / "1").mkdir(parents=True)
    shutil.move(write_gguf(folder / "model.gguf"), repository / "tiny" / "1" / "model.gguf")
    parameters = {
        "TASK": "text-generation",
        "CONTEXT_LENGTH": str(CONTEXT),
        "CHAT_TEMPLATE": TEMPLATE,
        "SPECIAL_TOKENS": json.dumps({"bos_token": BOS}),
    }
    lines = [
        f"parameters {{ key: {json.dumps(key)} value {{ string_value: {json.dumps(value)} }} }}"
        for key, value in parameters.items()
    ]
    (repository / "tiny" / "config.pbtxt").write_text("\n".join(['backend: "llamacpp"', *lines]))
    add_parrot(repository, "parrot")
    triton = Triton(repository, folder / "triton.log", backends=ROOT / "backends")
    with serving([triton.url], model_repository=repository, request_timeout_s=60) as running:
        yield running
    triton.close()


@pytest.fixture
def ask(tiny: Gateway) -> Iterator[Any]:
    with httpx.Client(base_url=tiny.url, timeout=60, trust_env=False) as client:

        def post(path: str, **body: Any) -> Any:
            return client.post(path, json={"model": "tiny", **body})

        yield post


def tokens_of(ask: Any, **body: Any) -> list[int]:
    answer = ask("/tokenize", **body)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["count"] == len(told["tokens"])
    assert told["max_model_len"] == CONTEXT
    found: list[int] = told["tokens"]
    return found


@pytest.mark.proves("POST /tokenize", "", "honoured")
@pytest.mark.proves("POST /tokenize", "model", "honoured")
@pytest.mark.proves("POST /tokenize", "prompt", "honoured")
@pytest.mark.proves("POST /tokenize", "add_special_tokens", "honoured")
@pytest.mark.proves("POST /detokenize", "", "honoured")
@pytest.mark.proves("POST /detokenize", "model", "honoured")
@pytest.mark.proves("POST /detokenize", "tokens", "honoured")
@pytest.mark.proves("POST /v1/tokenize", "", "honoured")
@pytest.mark.proves("POST /v1/detokenize", "", "honoured")
@pytest.mark.parametrize("prefix", ["", "/v1"])
def test_a_text_as_tokens_and_back(ask: Any, prefix: str) -> None:
    added = ask(f"{prefix}/tokenize", prompt="hello world").json()["tokens"]
    alone = ask(f"{prefix}/tokenize", prompt="hello world", add_special_tokens=False).json()["tokens"]
    assert added[1:] == alone
    assert ask(f"{prefix}/detokenize", tokens=alone).json() == {"prompt": "hello world"}
    assert ask(f"{prefix}/detokenize", tokens=added).json() == {"prompt": f"{BOS}hello world"}
    assert ask(f"{prefix}/detokenize", tokens=[]).json() == {"prompt": ""}


@pytest.mark.proves("POST /tokenize", "messages", "honoured")
def test_messages_are_counted_as_the_model_reads_them(ask: Any) -> None:
    ids = tokens_of(ask, messages=MESSAGES)
    assert ask("/detokenize", tokens=ids).json() == {"prompt": RENDERED}
    answer = ask("/v1/chat/completions", messages=MESSAGES, max_tokens=1)
    assert answer.json()["usage"]["prompt_tokens"] == len(ids)


@pytest.mark.proves("POST /tokenize", "chat_template", "honoured")
@pytest.mark.proves("POST /tokenize", "chat_template_kwargs", "honoured")
@pytest.mark.proves("POST /tokenize", "tools", "honoured")
def test_a_template_of_the_request(ask: Any) -> None:
    family = "{% if false %}<tool_call>{% endif %}"  # by which it is known how calls are written
    template = (
        family + "{{ mood }}{% for tool in tools or [] %}{{ tool.function.name }}{% endfor %}{{ messages[0].content }}"
    )
    told = {"messages": MESSAGES, "chat_template": template, "chat_template_kwargs": {"mood": "so "}, "tools": [TOOL]}
    ids = tokens_of(ask, add_special_tokens=False, **told)
    assert ask("/detokenize", tokens=ids).json() == {"prompt": "so fhello"}


@pytest.mark.proves("POST /tokenize", "continue_final_message", "honoured")
def test_an_answer_that_is_gone_on_with(ask: Any) -> None:
    messages = [*MESSAGES, {"role": "assistant", "content": "I say"}]
    ids = tokens_of(ask, messages=messages, continue_final_message=True)
    assert ask("/detokenize", tokens=ids).json() == {"prompt": f"{RENDERED}I say"}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        pytest.param(
            {"prompt": "a", "return_token_strs": True},
            "return_token_strs",
            marks=pytest.mark.proves("POST /tokenize", "return_token_strs", "refused"),
        ),
        pytest.param(
            {"messages": MESSAGES, "add_generation_prompt": False},
            "add_generation_prompt",
            marks=pytest.mark.proves("POST /tokenize", "add_generation_prompt", "refused"),
        ),
        pytest.param(
            {"messages": MESSAGES, "mm_processor_kwargs": {"a": 1}},
            "mm_processor_kwargs",
            marks=pytest.mark.proves("POST /tokenize", "mm_processor_kwargs", "refused"),
        ),
        pytest.param(
            {"messages": MESSAGES, "documents": [{"a": 1}]},
            "documents",
            marks=pytest.mark.proves("POST /tokenize", "documents", "refused"),
        ),
        ({"prompt": "a", "messages": MESSAGES}, "prompt"),
        ({}, "prompt"),
        ({"prompt": "a", "tools": [TOOL]}, "tools"),
        ({"prompt": "a", "temperature": 1}, "temperature"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,a"}}]}]},
            "messages[0].content[0].image_url.url",
        ),
    ],
)
def test_what_cannot_be_honoured_is_named(ask: Any, body: dict[str, Any], named: str) -> None:
    answer = ask("/tokenize", **body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == named


@pytest.mark.parametrize("tokens", [[-1], [2**31], ["a"], [1.5], [100_000], "a", None])
def test_what_is_no_token_is_named(ask: Any, tokens: Any) -> None:
    answer = ask("/detokenize", tokens=tokens)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"].startswith("tokens")


@pytest.mark.parametrize("body", [{"prompt": "a"}, {"messages": MESSAGES}])
def test_an_engine_that_knows_no_tokens_says_so(ask: Any, body: dict[str, Any]) -> None:
    answer = ask("/tokenize", model="parrot", **body)
    assert answer.status_code == 400, answer.text
    assert "this model's engine cannot be asked for tokens" in answer.json()["error"]["message"]


def test_a_model_that_is_not_there(ask: Any) -> None:
    assert ask("/tokenize", model="nobody", prompt="a").status_code == 404
    assert ask("/detokenize", model="nobody", tokens=[1]).status_code == 404


def test_a_prompt_of_tokens_is_answered_as_its_text(ask: Any) -> None:
    ids = tokens_of(ask, prompt="hello world")
    told, same = (
        ask("/v1/completions", prompt=prompt, max_tokens=8, temperature=0).json() for prompt in (ids, "hello world")
    )
    assert told["choices"][0]["text"] == same["choices"][0]["text"]
    assert told["usage"] == same["usage"]
    refused = ask("/v1/completions", prompt=[10**6])
    assert refused.status_code == 400, refused.text
    assert "'prompt' has 1000000 at place 0" in refused.json()["error"]["message"]


@pytest.fixture
def claude(tiny: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[anthropic.Anthropic]:
    monkeypatch.setenv("NO_PROXY", "*")
    with anthropic.Anthropic(base_url=tiny.url, api_key="none", max_retries=0) as made:
        yield made


@pytest.mark.proves("POST /v1/messages/count_tokens", "", "honoured")
@pytest.mark.proves("POST /v1/messages/count_tokens", "model", "honoured")
@pytest.mark.proves("POST /v1/messages/count_tokens", "messages", "honoured")
def test_anthropics_client_counts_what_its_answer_counts(claude: anthropic.Anthropic, ask: Any) -> None:
    said: Any = {"model": "tiny", "messages": MESSAGES, "system": "Be brief."}
    counted = claude.messages.count_tokens(**said).input_tokens
    assert counted == claude.messages.create(**said, max_tokens=1).usage.input_tokens
    assert counted > claude.messages.count_tokens(model="tiny", messages=MESSAGES).input_tokens  # type: ignore[arg-type]
    assert claude.messages.count_tokens(model="tiny", messages=MESSAGES).input_tokens == len(  # type: ignore[arg-type]
        tokens_of(ask, messages=MESSAGES)
    )


def test_what_cannot_be_counted_is_named_in_anthropics_form(claude: anthropic.Anthropic) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    pictured: Any = [{"role": "user", "content": [{"type": "image", "source": source}]}]
    with pytest.raises(anthropic.BadRequestError, match=r"'messages\[0\].content\[0\].source' cannot be honoured"):
        claude.messages.count_tokens(model="tiny", messages=pictured)
    with pytest.raises(anthropic.BadRequestError, match="'messages': this model's engine cannot be asked for tokens"):
        claude.messages.count_tokens(model="parrot", messages=MESSAGES)  # type: ignore[arg-type]
    with pytest.raises(anthropic.BadRequestError, match="'max_tokens' is not a field"):
        claude.messages.count_tokens(model="tiny", messages=MESSAGES, extra_body={"max_tokens": 5})  # type: ignore[arg-type]
    with pytest.raises(anthropic.NotFoundError):
        claude.messages.count_tokens(model="nobody", messages=MESSAGES)  # type: ignore[arg-type]

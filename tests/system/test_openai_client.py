"""The official `openai` client, unmodified, against the whole line: gateway, real Triton, OpenVINO."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest

from tests.system.service import Service

OPENVINO = "OpenVINO GenAI"
QUESTION = [{"role": "user", "content": "What is Modelyard?"}]
LONG = [{"role": "user", "content": "Tell me more about Modelyard in detail."}]


def _text(stream) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


def test_the_demo_says_what_modelyard_is(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="demo", messages=QUESTION)
    assert "Triton" in answer.choices[0].message.content or "checkpoint" in answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.completion_tokens > 5


@pytest.mark.parametrize("temperature", [0.0, 1.3])
def test_a_streamed_answer_equals_the_unstreamed_one_with_the_same_seed(
    client: openai.OpenAI, temperature: float
) -> None:
    wish = {"model": "demo", "messages": LONG, "seed": 1234, "temperature": temperature, "max_tokens": 120}
    whole = client.chat.completions.create(**wish)
    streamed = _text(client.chat.completions.create(stream=True, **wish))
    assert streamed == whole.choices[0].message.content


def test_another_seed_gives_another_answer(client: openai.OpenAI) -> None:
    wish = {"model": "demo", "messages": LONG, "temperature": 1.8, "max_tokens": 60}
    answers = {client.chat.completions.create(seed=seed, **wish).choices[0].message.content for seed in range(4)}
    assert len(answers) > 1


def test_usage_comes_in_the_last_chunk_when_it_is_asked_for(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model="demo", messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
    )
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens > 0
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "stop"


def test_max_tokens_ends_the_answer_with_length(client: openai.OpenAI) -> None:
    for wish in ({"max_tokens": 3}, {"max_completion_tokens": 3}):
        answer = client.chat.completions.create(model="demo", messages=LONG, **wish)
        assert answer.choices[0].finish_reason == "length"
        assert answer.usage.completion_tokens == 3


def test_a_stop_string_ends_the_answer_and_does_not_leak(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="demo", messages=LONG, temperature=0).choices[0].message.content
    stop = whole[20:27]
    cut = client.chat.completions.create(model="demo", messages=LONG, temperature=0, stop=[stop])
    assert cut.choices[0].message.content == whole[: whole.index(stop)]
    assert cut.choices[0].finish_reason == "stop"
    streamed = _text(client.chat.completions.create(model="demo", messages=LONG, temperature=0, stop=stop, stream=True))
    assert streamed == whole[: whole.index(stop)]


def test_n_gives_several_choices(client: openai.OpenAI) -> None:
    wish = {"model": "demo", "messages": LONG, "n": 3, "seed": 5, "temperature": 1.5, "max_tokens": 30}
    whole = client.chat.completions.create(**wish)
    assert [choice.index for choice in whole.choices] == [0, 1, 2]
    assert len({choice.message.content for choice in whole.choices}) > 1
    streamed = {0: "", 1: "", 2: ""}
    for chunk in client.chat.completions.create(stream=True, **wish):
        for choice in chunk.choices:
            streamed[choice.index] += choice.delta.content or ""
    assert streamed == {choice.index: choice.message.content for choice in whole.choices}


def test_logprobs_name_each_token_of_the_answer(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="demo", messages=QUESTION, logprobs=True, temperature=0)
    tokens = answer.choices[0].logprobs.content
    assert all(token.logprob <= 0 for token in tokens)
    assert "".join(token.token for token in tokens).startswith(answer.choices[0].message.content[:10])


@pytest.mark.proves("POST /v1/chat/completions", "logit_bias", "refused", on=OPENVINO)
@pytest.mark.proves("POST /v1/chat/completions", "top_logprobs", "refused", on=OPENVINO)
@pytest.mark.proves("POST /v1/completions", "logit_bias", "refused", on=OPENVINO)
@pytest.mark.proves("POST /v1/completions", "logprobs (above 0)", "refused", on=OPENVINO)
@pytest.mark.proves("POST /v1/responses", "top_logprobs", "refused", on=OPENVINO)
@pytest.mark.proves("POST /api/chat", "top_logprobs", "refused", on=OPENVINO)
@pytest.mark.proves("POST /api/generate", "top_logprobs", "refused", on=OPENVINO)
def test_what_the_engine_cannot_do_is_refused_by_name(client: openai.OpenAI, service: Service) -> None:
    with pytest.raises(openai.BadRequestError, match="logit_bias"):
        client.chat.completions.create(model="demo", messages=QUESTION, logit_bias={"5": 1})
    with pytest.raises(openai.BadRequestError, match="logprobs"):
        client.chat.completions.create(model="demo", messages=QUESTION, logprobs=True, top_logprobs=3)
    with pytest.raises(openai.BadRequestError, match="logit_bias"):
        client.completions.create(model="demo", prompt="x", logit_bias={"5": 1})
    with pytest.raises(openai.BadRequestError, match="logprobs"):
        client.completions.create(model="demo", prompt="x", logprobs=1)
    with pytest.raises(openai.BadRequestError, match="'top_logprobs'"):
        client.responses.create(model="demo", input="x", include=["message.output_text.logprobs"], top_logprobs=3)
    for path, asked in (("/api/chat", {"messages": QUESTION}), ("/api/generate", {"prompt": "x"})):
        body = {"model": "demo", "logprobs": True, "top_logprobs": 3, "stream": False, **asked}
        answer = httpx.post(f"{service.url}{path}", json=body, timeout=60)
        assert answer.status_code == 400
        assert "logprobs" in answer.json()["error"]


def test_penalties_change_a_greedy_answer(client: openai.OpenAI) -> None:
    wish = {"model": "demo", "messages": LONG, "temperature": 0, "max_tokens": 100}
    plain = client.chat.completions.create(**wish).choices[0].message.content
    assert (
        client.chat.completions.create(frequency_penalty=2.0, presence_penalty=2.0, **wish).choices[0].message.content
        != plain
    )


def test_text_beyond_ascii_arrives_whole(client: openai.OpenAI) -> None:
    question = [{"role": "user", "content": "Say hello in Japanese"}]
    whole = client.chat.completions.create(model="demo", messages=question, temperature=0).choices[0].message.content
    streamed = _text(client.chat.completions.create(model="demo", messages=question, temperature=0, stream=True))
    assert streamed == whole
    assert "\ufffd" not in whole
    assert any(ord(character) > 0x2FFF for character in whole)


def test_completions_go_on_with_the_prompt(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="demo", prompt="Modelyard is", max_tokens=12, temperature=0)
    assert answer.choices[0].text
    streamed = client.completions.create(model="demo", prompt="Modelyard is", max_tokens=12, temperature=0, stream=True)
    assert "".join(chunk.choices[0].text for chunk in streamed if chunk.choices) == answer.choices[0].text


def test_models_are_listed_and_shown(client: openai.OpenAI) -> None:
    assert "demo" in [model.id for model in client.models.list()]
    assert client.models.retrieve("demo").id == "demo"


def test_an_unknown_model_is_a_404_that_names_what_is_installed(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="demo") as caught:
        client.chat.completions.create(model="gpt-9", messages=QUESTION)
    assert caught.value.code == "model_not_found"


def test_a_prompt_beyond_the_context_is_a_clear_error(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="2048") as caught:
        client.chat.completions.create(model="demo", messages=[{"role": "user", "content": "checkpoint " * 5000}])
    assert caught.value.code == "context_length_exceeded"


@pytest.mark.parametrize("stream", [False, True])
def test_what_the_engine_refuses_has_the_name_that_the_client_sent(client: openai.OpenAI, stream: bool) -> None:
    schema = {"type": "integer", "multipleOf": 7}
    messages: Any = [{"role": "user", "content": "a number"}]
    shape: Any = {"type": "json_schema", "json_schema": {"name": "sevens", "schema": schema}}
    with pytest.raises(openai.BadRequestError, match=r"'response_format'.*multipleOf") as shaped:
        client.chat.completions.create(model="demo", messages=messages, response_format=shape, stream=stream)
    assert shaped.value.param == "response_format"
    with pytest.raises(openai.BadRequestError, match="'top_logprobs'") as ranked:
        client.chat.completions.create(model="demo", messages=messages, logprobs=True, top_logprobs=3, stream=stream)
    assert ranked.value.param == "top_logprobs"

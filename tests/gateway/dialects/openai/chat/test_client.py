"""Chat completions by the official `openai` client, unmodified, against the gateway and a real Triton."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

CHAT = "POST /v1/chat/completions"
WORDS = 'polly wants a cracker, größe 日本 🦜 and "quotes"\n'


def _ask(content: str) -> dict[str, Any]:
    return {"model": "parrot", "messages": [{"role": "user", "content": content}]}


@pytest.mark.proves(CHAT, "", "honoured")
@pytest.mark.proves(CHAT, "model", "honoured")
@pytest.mark.proves(CHAT, "messages", "honoured")
def test_an_answer_comes_whole_with_its_usage(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**_ask("words=8"))
    assert answer.choices[0].message.content == WORDS
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 8
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 8
    assert answer.model == "parrot"


@pytest.mark.proves(CHAT, "stream", "honoured")
@pytest.mark.parametrize("how", ["words=8", "words=8 final=rides", "words=8 chunk=3"])
def test_a_streamed_answer_is_the_same_in_pieces(client: openai.OpenAI, how: str) -> None:
    chunks = list(client.chat.completions.create(**_ask(how), stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == WORDS
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert len({chunk.id for chunk in chunks}) == 1
    assert all(chunk.usage is None for chunk in chunks)


@pytest.mark.proves(CHAT, "stream_options", "honoured")
@pytest.mark.proves(CHAT, "stream_options.include_usage", "honoured")
def test_usage_is_the_last_chunk_when_it_is_asked_for(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(**_ask("words=3"), stream=True, stream_options={"include_usage": True})
    )
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 3
    assert all(chunk.usage is None for chunk in chunks[:-1])


@pytest.mark.proves(CHAT, "max_tokens", "honoured")
@pytest.mark.proves(CHAT, "max_completion_tokens", "honoured")
def test_the_limit_on_tokens_has_two_names_and_ends_with_length(client: openai.OpenAI) -> None:
    limits: tuple[dict[str, Any], ...] = ({"max_tokens": 2}, {"max_completion_tokens": 2})
    for limit in limits:
        answer = client.chat.completions.create(**_ask("words=8"), **limit)
        assert answer.choices[0].message.content == "polly wants "
        assert answer.choices[0].finish_reason == "length"


@pytest.mark.proves(CHAT, "stop", "honoured")
@pytest.mark.parametrize("stop", ["cracker", ["x1", "x2", "x3", "x4", "cracker"]])
def test_stop_strings_end_the_answer_even_beyond_four(client: openai.OpenAI, stop: str | list[str]) -> None:
    answer = client.chat.completions.create(**_ask("words=8"), stop=stop)
    assert answer.choices[0].message.content == "polly wants a "
    assert answer.choices[0].finish_reason == "stop"


@pytest.mark.proves(CHAT, "n", "honoured")
def test_n_answers_are_told_apart_in_a_stream_too(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(**_ask("words=4"), n=3)
    assert [choice.index for choice in whole.choices] == [0, 1, 2]
    assert {choice.message.content for choice in whole.choices} == {"polly wants a cracker, "}
    assert whole.usage is not None
    assert whole.usage.completion_tokens == 12
    texts = ["", "", ""]
    reasons = {}
    for chunk in client.chat.completions.create(**_ask("words=4"), n=3, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            if choice.finish_reason:
                reasons[choice.index] = choice.finish_reason
    assert texts == ["polly wants a cracker, "] * 3
    assert reasons == {0: "stop", 1: "stop", 2: "stop"}


@pytest.mark.proves(CHAT, "logprobs", "honoured")
@pytest.mark.proves(CHAT, "top_logprobs", "honoured")
def test_logprobs_name_each_token(client: openai.OpenAI) -> None:
    chosen = client.chat.completions.create(**_ask("words=5"), logprobs=True).choices[0]
    assert chosen.logprobs is not None
    assert chosen.logprobs.content is not None
    assert "".join(token.token for token in chosen.logprobs.content) == chosen.message.content
    assert bytes(chosen.logprobs.content[4].bytes or ()).decode() == "größe "
    assert chosen.logprobs.content[0].top_logprobs == []
    top = client.chat.completions.create(**_ask("words=1"), logprobs=True, top_logprobs=2).choices[0]
    assert top.logprobs is not None
    assert top.logprobs.content is not None
    assert [each.logprob for each in top.logprobs.content[0].top_logprobs] == [-0.5, -2.0]
    streamed = [
        token.token
        for chunk in client.chat.completions.create(**_ask("words=3"), logprobs=True, stream=True)
        for token in ((chunk.choices[0].logprobs and chunk.choices[0].logprobs.content) or ())
    ]
    assert "".join(streamed) == "polly wants a "


def test_what_the_engine_cannot_do_is_refused_in_its_words(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="knows no more words") as caught:
        client.chat.completions.create(**_ask("words=1"), logprobs=True, top_logprobs=5)
    assert caught.value.param == "top_logprobs"


def test_an_unknown_model_is_not_found_and_the_installed_are_named(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match=r"installed: .*parrot") as caught:
        client.chat.completions.create(model="nobody", messages=[{"role": "user", "content": "x"}])
    assert caught.value.code == "model_not_found"


def test_a_model_that_cannot_load_says_why_and_shows_no_path(client: openai.OpenAI) -> None:
    with pytest.raises(openai.InternalServerError, match="the parrot is not well today") as caught:
        client.chat.completions.create(model="sick", messages=[{"role": "user", "content": "x"}])
    assert caught.value.status_code == 503
    assert ".py" not in caught.value.message
    assert "/" not in caught.value.message


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("INVALID_ARG", openai.BadRequestError),
        ("INTERNAL", openai.InternalServerError),
        ("UNKNOWN", openai.InternalServerError),
        ("NOT_FOUND", openai.InternalServerError),
        ("UNSUPPORTED", openai.InternalServerError),
        ("ALREADY_EXISTS", openai.InternalServerError),
        ("UNAVAILABLE", openai.InternalServerError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_each_error_of_a_backend_before_the_first_token_is_a_status(
    client: openai.OpenAI, code: str, error: type[openai.APIStatusError], stream: bool
) -> None:
    with pytest.raises(error, match="the parrot was told"):
        client.chat.completions.create(**_ask(f"raise={code}"), stream=stream)


def test_a_cancellation_that_nobody_here_asked_for_is_an_engine_that_is_away(client: openai.OpenAI) -> None:
    with pytest.raises(openai.InternalServerError, match="please try again") as caught:
        client.chat.completions.create(**_ask("raise=CANCELLED"))
    assert caught.value.status_code == 503


def test_an_error_after_some_tokens_is_an_error_of_the_stream(client: openai.OpenAI) -> None:
    stream = iter(client.chat.completions.create(**_ask("raise=INTERNAL after=2"), stream=True))
    assert [next(stream).choices[0].delta.content for _ in range(3)] == ["", "polly ", "wants "]
    with pytest.raises(openai.APIError, match="told to raise INTERNAL"):
        next(stream)


SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


def _sent(field: str, value: object, name: str, got: object, proves: str | None = None) -> Any:
    mark = pytest.mark.proves(CHAT, proves or field, "honoured")
    return pytest.param({field: value}, name, got, id=proves or field, marks=mark)


@pytest.mark.parametrize(
    ("more", "name", "got"),
    [
        _sent("temperature", 1.5, "temperature", 1.5),
        _sent("top_p", 0.25, "top_p", 0.25),
        _sent("presence_penalty", -2, "presence_penalty", -2.0),
        _sent("frequency_penalty", 0.5, "frequency_penalty", 0.5),
        _sent("seed", -1, "seed", 2**63 - 1),
        _sent("logit_bias", {"7": -100}, "logit_bias", {"7": -100.0}),
        _sent("response_format", {"type": "json_object"}, "structured_outputs", {"json_object": True}),
        _sent(
            "response_format",
            {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": True}},
            "structured_outputs",
            {"json": SCHEMA},
            "response_format.json_schema",
        ),
        _sent("top_k", 5, "top_k", 5),
        _sent("min_p", 0.1, "min_p", 0.1),
        _sent("repetition_penalty", 1.5, "repetition_penalty", 1.5),
        _sent("min_tokens", 2, "min_tokens", 2),
        _sent("ignore_eos", True, "ignore_eos", True),
        _sent("stop_token_ids", [3, 4], "stop_token_ids", [3, 4]),
        _sent("skip_special_tokens", True, "skip_special_tokens", True),
        _sent("structured_outputs", {"regex": "a+"}, "structured_outputs", {"regex": "a+"}),
        _sent("guided_json", SCHEMA, "structured_outputs", {"json": SCHEMA}),
        _sent("guided_regex", "a+", "structured_outputs", {"regex": "a+"}),
        _sent("guided_choice", ["a", "b"], "structured_outputs", {"choice": ["a", "b"]}),
        _sent("guided_grammar", "root ::= x", "structured_outputs", {"grammar": "root ::= x"}),
    ],
)
def test_what_was_sent_is_what_the_engine_got(
    client: openai.OpenAI, more: dict[str, Any], name: str, got: object
) -> None:
    seen = client.chat.completions.create(**_ask("say=sampling"), extra_body=more).choices[0].message.content
    assert seen is not None
    found = json.loads(seen)[name]
    # A structure may travel as JSON within JSON, as Triton's vLLM backend wants it.
    assert (json.loads(found) if isinstance(found, str) else found) == got


def test_what_was_not_sent_is_the_models_own(client: openai.OpenAI) -> None:
    seen = client.chat.completions.create(**_ask("say=sampling")).choices[0].message.content
    assert json.loads(seen or "") == {"max_tokens": 4096, "temperature": 0.6, "top_k": 20, "top_p": 0.95}


@pytest.mark.proves(CHAT, "messages.role", "honoured")
@pytest.mark.proves(CHAT, "messages.content", "honoured")
@pytest.mark.proves(CHAT, "messages.content.text", "honoured")
def test_messages_go_through_the_models_template(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="parrot",
        messages=[
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]},
            {"role": "assistant", "content": "yes", "refusal": None, "tool_calls": []},
            {"role": "user", "content": "say=prompt"},
        ],
    )
    assert answer.choices[0].message.content == (
        "<s> <system> Be brief. <user> one\ntwo <assistant> yes <user> say=prompt <assistant>"
    )

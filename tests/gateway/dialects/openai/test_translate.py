"""OpenAI's words to ours and back, without HTTP and without an engine."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.collecting import Sequenced, Whole
from gateway.dialects.failures import from_exception
from gateway.dialects.openai.schemas import ChatCompletionRequest, CompletionRequest
from gateway.dialects.openai.translate import ChatChunks, from_failure, from_whole, to_generation, to_generations
from gateway.domain.content import Message, Text
from gateway.domain.generation import Finished, GenerationRequest, Sampling, TextDelta, TokenLogprob, Usage
from modelyard import errors


def _wire(**more: object) -> ChatCompletionRequest:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **more}
    return ChatCompletionRequest.model_validate(body)


def test_what_was_not_sent_stays_unset() -> None:
    assert to_generation(_wire()) == GenerationRequest("m", (Message.of("user", "hi"),), Sampling(), False)


def test_what_was_sent_is_ours() -> None:
    wire = _wire(stop="x", max_completion_tokens=5, seed=-(2**63), logprobs=True, temperature=0, stream=True)
    assert to_generation(wire) == GenerationRequest(
        "m",
        (Message.of("user", "hi"),),
        Sampling(stop=("x",), max_tokens=5, seed=0, logprobs=0, temperature=0.0),
        True,
    )


def test_parts_stay_parts() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    wire = _wire(messages=[{"role": "user", "content": parts, "name": "n"}])
    assert to_generation(wire).prompt == (Message("user", (Text("a"), Text("b")), "n"),)


def test_each_prompt_is_a_request() -> None:
    wire = CompletionRequest.model_validate({"model": "m", "prompt": ["a", "b"], "logprobs": 2})
    assert to_generations(wire) == [GenerationRequest("m", each, Sampling(logprobs=2)) for each in ("a", "b")]


def _chunks(raw: bytes) -> list[Any]:
    frames = raw.decode().split("\n\n")
    assert frames.pop() == ""
    return [frame if frame == "data: [DONE]" else orjson.loads(frame.removeprefix("data: ")) for frame in frames]


@given(st.text(min_size=1))
def test_any_text_is_one_valid_chunk(text: str) -> None:
    chunks = ChatChunks(_wire(), answer_id="chatcmpl-1", created=7)
    role, first = _chunks(chunks.delta(TextDelta(text)))
    assert role["choices"][0]["delta"]["role"] == "assistant"
    assert first["choices"] == [{"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": None}]
    assert (first["id"], first["created"], first["model"]) == ("chatcmpl-1", 7, "m")
    (second,) = _chunks(chunks.delta(TextDelta(text)))
    assert second == first


def test_an_answer_without_text_has_its_role_and_its_end_all_the_same() -> None:
    wire = _wire(stream=True, stream_options={"include_usage": True})
    chunks = ChatChunks(wire, answer_id="x", created=7)
    role, end, usage, done = _chunks(chunks.end(Finished(("length",), Usage(3, 0))))
    assert role["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert end["choices"][0]["finish_reason"] == "length"
    assert end["usage"] is None
    assert usage["usage"] == {"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3}
    assert done == "data: [DONE]"


def test_a_whole_answer_has_its_choices_in_order() -> None:
    token = TokenLogprob("ß", -0.5, (TokenLogprob("ß", -0.5), TokenLogprob("s", -1.0)))
    whole = Whole((Sequenced("ß", (token,)), Sequenced("b", ())), Finished(("stop", "length"), Usage(1, 2)))
    body = from_whole(whole, _wire(logprobs=True, top_logprobs=1), answer_id="x", created=7)
    assert [choice["message"]["content"] for choice in body["choices"]] == ["ß", "b"]
    (shown,) = body["choices"][0]["logprobs"]["content"]
    assert shown["bytes"] == [195, 159]
    assert [each["token"] for each in shown["top_logprobs"]] == ["ß"]


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (errors.InvalidInput("x", field="f"), 400, "invalid_request_error", "invalid_value"),
        (errors.FieldRefused("f", "x"), 400, "invalid_request_error", "unsupported_parameter"),
        (errors.PromptTooLong("x"), 400, "invalid_request_error", "context_length_exceeded"),
        (errors.Unauthorized(), 401, "authentication_error", "invalid_api_key"),
        (errors.EntryNotFound("m", []), 404, "invalid_request_error", "model_not_found"),
        (errors.Overloaded(5), 503, "server_error", "overloaded"),
        (errors.EngineUnavailable("x"), 503, "server_error", "engine_unavailable"),
        (errors.GenerationBroken(), 503, "server_error", "engine_unavailable"),
        (errors.EngineTimeout("x"), 504, "server_error", "engine_timeout"),
        (errors.EngineError("x"), 500, "server_error", "engine_error"),
        (KeyError("a secret"), 500, "server_error", "internal_error"),
    ],
)
def test_each_error_has_its_status_and_its_form(error: Exception, status: int, kind: str, code: str) -> None:
    failure = from_exception(error)
    body = from_failure(failure)["error"]
    assert (failure.status, body["type"], body["code"]) == (status, kind, code)
    assert ("Retry-After" in failure.headers) == (status == 503)
    assert "secret" not in body["message"]

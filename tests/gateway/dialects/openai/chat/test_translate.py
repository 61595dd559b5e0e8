"""Chat completions: OpenAI's words to ours and back, without HTTP and without an engine."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.dialects.collecting import Sequenced, Whole
from gateway.dialects.openai.chat.messages import pictures_of
from gateway.dialects.openai.chat.schemas import ChatCompletionRequest
from gateway.dialects.openai.chat.translate import from_whole, to_generation
from gateway.domain.content import Image, Message, Text, ToolCall
from gateway.domain.generation import (
    Finished,
    GenerationRequest,
    Sampling,
    Thinking,
    TokenLogprob,
    Tool,
    ToolChoice,
    Usage,
)

CHAT = "POST /v1/chat/completions"


def _wire(**more: object) -> ChatCompletionRequest:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **more}
    return ChatCompletionRequest.model_validate(body)


def _messages(*messages: dict[str, Any]) -> tuple[Message, ...]:
    prompt = to_generation(_wire(messages=list(messages)), [b"first", b"second"]).prompt
    assert isinstance(prompt, tuple)
    return tuple(each for each in prompt if isinstance(each, Message))


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


@pytest.mark.proves(CHAT, "messages.name", "honoured")
def test_parts_stay_parts() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert _messages({"role": "user", "content": parts, "name": "n"}) == (Message("user", (Text("a"), Text("b")), "n"),)


def test_pictures_take_their_places_in_order() -> None:
    one, two = ({"type": "image_url", "image_url": {"url": f"data:{name}", "detail": "high"}} for name in "ab")
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": [one, {"type": "text", "text": "x"}]},
        {"role": "user", "content": [two]},
    ]
    wire = _wire(messages=messages)
    assert [(where, picture.url) for where, picture in pictures_of(wire.messages)] == [
        ("messages[0].content[0].image_url.url", "data:a"),
        ("messages[1].content[0].image_url.url", "data:b"),
    ]
    assert _messages(*messages) == (
        Message("user", (Image(b"first"), Text("x"))),
        Message("user", (Image(b"second"),)),
    )


@pytest.mark.proves(CHAT, "messages.tool_calls", "honoured")
@pytest.mark.proves(CHAT, "messages.tool_call_id", "honoured")
@pytest.mark.proves(CHAT, "messages.reasoning_content", "honoured")
def test_a_turn_with_tools_and_thoughts_is_a_turn_of_ours() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    bare = {"id": "c2", "type": "function", "index": 1, "function": {"name": "g", "arguments": ""}}
    assert _messages(
        {"role": "assistant", "content": None, "tool_calls": [call, bare], "reasoning_content": "hm"},
        {"role": "tool", "tool_call_id": "c1", "content": "2", "name": "f"},
        {"role": "assistant", "content": "so", "reasoning": "hm hm", "annotations": [], "audio": None},
    ) == (
        Message(
            "assistant",
            (),
            tool_calls=(ToolCall("c1", "f", '{"a": 1}'), ToolCall("c2", "g", "{}")),
            reasoning="hm",
        ),
        Message("tool", (Text("2"),), "f", tool_call_id="c1"),
        Message("assistant", (Text("so"),), reasoning="hm hm"),
    )


@pytest.mark.proves(CHAT, "messages.refusal", "honoured")
@pytest.mark.proves(CHAT, "messages.content.refusal", "honoured")
def test_a_refusal_is_what_the_assistant_said() -> None:
    assert _messages(
        {"role": "assistant", "content": None, "refusal": "I will not."},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
    ) == (Message.of("assistant", "I will not."), Message.of("assistant", "No."))


WEATHER = {"name": "weather", "description": "of a place", "parameters": {"type": "object"}, "strict": True}
TOOLS = [{"type": "function", "function": WEATHER}, {"type": "function", "function": {"name": "time"}}]
OURS = (Tool("weather", "of a place", {"type": "object"}, True), Tool("time"))


@pytest.mark.proves(CHAT, "tools.function.name", "honoured")
@pytest.mark.proves(CHAT, "tools.function.description", "honoured")
@pytest.mark.proves(CHAT, "tools.function.parameters", "honoured")
@pytest.mark.proves(CHAT, "tools.function.strict", "honoured")
def test_all_of_a_tool_is_told() -> None:
    assert to_generation(_wire(tools=TOOLS)).tools == OURS


def _named(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


def _choice(wire: object, choice: ToolChoice, tools: tuple[Tool, ...], field: str) -> Any:
    return pytest.param(wire, choice, tools, id=field, marks=pytest.mark.proves(CHAT, field, "honoured"))


@pytest.mark.parametrize(
    ("wire", "choice", "tools"),
    [
        _choice(None, ToolChoice("auto"), OURS, "tools"),
        _choice("auto", ToolChoice("auto"), OURS, "tool_choice"),
        _choice("none", ToolChoice("none"), OURS, "tool_choice (none)"),
        _choice("required", ToolChoice("required"), OURS, "tool_choice (required)"),
        _choice(_named("time"), ToolChoice("required", "time"), OURS, "tool_choice (function)"),
        _choice(
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [_named("time")]}},
            ToolChoice("required"),
            OURS[1:],
            "tool_choice (allowed_tools)",
        ),
    ],
)
def test_tools_and_the_choice_among_them(wire: object, choice: ToolChoice, tools: tuple[Tool, ...]) -> None:
    request = to_generation(_wire(tools=TOOLS, tool_choice=wire))
    assert (request.tools, request.tool_choice) == (tools, choice)


@pytest.mark.proves(CHAT, "parallel_tool_calls", "honoured")
def test_calls_side_by_side_can_be_switched_off() -> None:
    assert to_generation(_wire(tools=TOOLS)).parallel_tool_calls
    assert not to_generation(_wire(tools=TOOLS, parallel_tool_calls=False)).parallel_tool_calls


SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("more", "shape"),
    [
        ({"response_format": {"type": "text"}}, None),
        ({"response_format": {"type": "json_object"}}, {"json_object": True}),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "n"}}}, {"json_object": True}),
        ({"structured_outputs": {"json_object": True}}, {"json_object": True}),
        ({"structured_outputs": {"json": '{"type": "object"}'}}, {"json": {"type": "object"}}),
        ({"structured_outputs": {"regex": "a+"}}, {"regex": "a+"}),
        ({"structured_outputs": {"choice": ["a", "b"]}}, {"choice": ["a", "b"]}),
        ({"structured_outputs": {"grammar": "root ::= x"}}, {"grammar": "root ::= x"}),
        ({"guided_json": SCHEMA}, {"json": SCHEMA}),
        ({"guided_regex": "a+"}, {"regex": "a+"}),
        ({"guided_choice": ["a"]}, {"choice": ["a"]}),
        ({"guided_grammar": "root ::= x"}, {"grammar": "root ::= x"}),
    ],
)
def test_the_form_of_an_answer_has_many_names(more: dict[str, Any], shape: dict[str, Any] | None) -> None:
    assert to_generation(_wire(**more)).sampling.structured_outputs == shape


@pytest.mark.proves(CHAT, "response_format.json_schema.name", "honoured")
@pytest.mark.proves(CHAT, "response_format.json_schema.description", "honoured")
@pytest.mark.parametrize(
    ("messages", "text"),
    [
        ([{"role": "user", "content": "hi"}], "Answer with the JSON of 'form': of a town\nhi"),
        (
            [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "hi"}],
            "Be brief.\nAnswer with the JSON of 'form': of a town",
        ),
        ([{"role": "assistant", "content": "Yes?"}], "Answer with the JSON of 'form': of a town"),
    ],
)
def test_the_model_is_told_what_the_form_is_for(messages: list[dict[str, str]], text: str) -> None:
    schema = {"name": "form", "description": "of a town", "schema": SCHEMA}
    wire = _wire(messages=messages, response_format={"type": "json_schema", "json_schema": schema})
    prompt = to_generation(wire).prompt
    assert next(each.text for each in prompt if isinstance(each, Message)) == text
    plain = {name: schema[name] for name in ("name", "schema")}
    asked = _wire(messages=messages, response_format={"type": "json_schema", "json_schema": plain})
    assert to_generation(asked).prompt == to_generation(_wire(messages=messages)).prompt


@pytest.mark.proves(CHAT, "response_format.json_schema.schema", "honoured")
@pytest.mark.proves(CHAT, "response_format.json_schema.strict", "honoured")
@pytest.mark.parametrize("strict", [True, False, None])
def test_a_schema_is_kept_to_strictly_or_not(strict: bool | None) -> None:
    schema = {"name": "n", "description": "d", "schema": SCHEMA, "strict": strict}
    wire = _wire(response_format={"type": "json_schema", "json_schema": schema})
    assert to_generation(wire).sampling.structured_outputs == {"json": SCHEMA}


@pytest.mark.proves(CHAT, "reasoning_effort", "honoured")
@pytest.mark.proves(CHAT, "chat_template_kwargs", "honoured")
@pytest.mark.proves(CHAT, "separate_reasoning", "honoured")
@pytest.mark.parametrize(
    ("more", "thinking"),
    [
        ({}, Thinking()),
        ({"reasoning_effort": "none"}, Thinking(enabled=False)),
        ({"reasoning_effort": "minimal"}, Thinking(effort="low")),
        ({"reasoning_effort": "low"}, Thinking(True, "low")),
        ({"reasoning_effort": "medium"}, Thinking(True, "medium")),
        ({"reasoning_effort": "high"}, Thinking(True, "high")),
        ({"reasoning_effort": "xhigh"}, Thinking(True, "high")),
        ({"reasoning_effort": "max"}, Thinking(True, "high")),
        ({"separate_reasoning": False}, Thinking(split=False)),
        ({"chat_template_kwargs": {"enable_thinking": False}}, Thinking(enabled=False)),
        ({"chat_template_kwargs": {"thinking": True}, "reasoning_effort": "low"}, Thinking(True, "low")),
        ({"chat_template_kwargs": {"thinking": "much"}}, Thinking()),
    ],
)
def test_thinking_is_switched_by_several_names(more: dict[str, Any], thinking: Thinking) -> None:
    request = to_generation(_wire(**more))
    assert request.thinking == thinking
    assert request.template_arguments == more.get("chat_template_kwargs", {})


@pytest.mark.proves(CHAT, "continue_final_message", "honoured")
@pytest.mark.parametrize("more", [{}, {"add_generation_prompt": False}])
def test_the_last_message_is_continued_when_that_is_asked_for(more: dict[str, Any]) -> None:
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Well"}]
    assert not to_generation(_wire(messages=messages)).continues
    assert to_generation(_wire(messages=messages, continue_final_message=True, **more)).continues


def test_a_whole_answer_has_its_choices_in_order() -> None:
    token = TokenLogprob("ß", -0.5, (TokenLogprob("ß", -0.5), TokenLogprob("s", -1.0)))
    whole = Whole((Sequenced("ß", (token,)), Sequenced("b", ())), Finished(("stop", "length"), Usage(1, 2)))
    body = from_whole(whole, _wire(logprobs=True, top_logprobs=1), answer_id="x", created=7)
    assert [choice["message"] for choice in body["choices"]] == [
        {"role": "assistant", "content": "ß", "refusal": None},
        {"role": "assistant", "content": "b", "refusal": None},
    ]
    (shown,) = body["choices"][0]["logprobs"]["content"]
    assert shown["bytes"] == [195, 159]
    assert [each["token"] for each in shown["top_logprobs"]] == ["ß"]


def test_calls_and_thoughts_stand_beside_the_text() -> None:
    calls = (ToolCall("c1", "f", "{}"), ToolCall("c2", "g", '{"a": 1}'))
    silent = Sequenced("", (), "hm", calls)
    whole = Whole((silent, Sequenced("So:", (), "", calls[:1])), Finished(("tool_calls", "tool_calls"), Usage()))
    body = from_whole(whole, _wire(), answer_id="x", created=7)
    first, second = (choice["message"] for choice in body["choices"])
    assert (first["content"], first["reasoning_content"]) == (None, "hm")
    assert first["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "c2", "type": "function", "function": {"name": "g", "arguments": '{"a": 1}'}},
    ]
    assert second["content"] == "So:"
    assert "reasoning_content" not in second
    assert {choice["finish_reason"] for choice in body["choices"]} == {"tool_calls"}


@pytest.mark.proves(CHAT, "include_reasoning", "honoured")
def test_thoughts_are_left_out_when_they_are_not_wanted() -> None:
    whole = Whole((Sequenced("x", (), "hm"),), Finished(("stop",), Usage()))
    body = from_whole(whole, _wire(include_reasoning=False), answer_id="x", created=7)
    assert body["choices"][0]["message"] == {"role": "assistant", "content": "x", "refusal": None}

"""Anthropic's words to ours and back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.dialects.anthropic.events import MessageEvents
from gateway.dialects.anthropic.schemas import MessagesRequest, Prompt
from gateway.dialects.anthropic.translate import from_whole, pictures_of, to_generation, to_prompt
from gateway.dialects.collecting import Sequenced, Whole
from gateway.domain.content import Image, Message, Text, ToolCall
from gateway.domain.generation import (
    Event,
    Finished,
    ReasoningDelta,
    TextDelta,
    Thinking,
    ToolCallDelta,
    ToolChoice,
    Usage,
)
from modelyard.errors import InvalidInput

POST = "POST /v1/messages"
COUNT = "POST /v1/messages/count_tokens"
QUESTION = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
TOOL = {"name": "f", "input_schema": {"type": "object"}}


def _read(**fields: Any) -> MessagesRequest:
    return MessagesRequest.model_validate(QUESTION | fields)


def _count(**fields: Any) -> Prompt:
    return Prompt.model_validate({"model": QUESTION["model"], "messages": QUESTION["messages"]} | fields)


def _of(field: str, value: Any, verdict: str, endpoint: str = POST) -> Any:
    return pytest.param(field, value, marks=pytest.mark.proves(endpoint, field, verdict), id=field)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        _of("container", "c", "refused"),
        _of("diagnostics", {}, "refused"),
        _of("inference_geo", "eu", "refused"),
        _of("service_tier", "priority", "refused"),
        _of("speed", "fast", "refused"),
        _of("user_profile_id", "u", "refused"),
        _of("workspace_id", "w", "refused"),
    ],
)
def test_what_there_is_not_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        _read(**{field: value})
    assert refused.value.field == field
    assert to_generation(_read(**{field: None})) == to_generation(_read())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        _of("system", "Be kind.", "honoured", COUNT),
        _of("tools", [TOOL], "honoured", COUNT),
        _of("tool_choice", {"type": "none"}, "honoured", COUNT),
        _of("thinking", {"type": "disabled"}, "honoured", COUNT),
        _of("output_config", {"effort": "low"}, "honoured", COUNT),
    ],
)
def test_what_is_counted_is_what_would_be_read(field: str, value: Any) -> None:
    tools = {} if field == "tools" else {"tools": [TOOL]}
    counted, read = to_prompt(_count(**tools, **{field: value})), to_generation(_read(**tools, **{field: value}))
    assert replace(counted, sampling=read.sampling) == read
    assert counted != to_prompt(_count(**tools))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        _of("speed", "fast", "refused", COUNT),
        _of("user_profile_id", "u", "refused", COUNT),
        _of("workspace_id", "w", "refused", COUNT),
    ],
)
def test_a_count_refuses_what_an_answer_refuses(field: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        _count(**{field: value})
    assert refused.value.field == field


@pytest.mark.proves(COUNT, "cache_control", "honoured")
def test_a_count_takes_what_needs_no_effect() -> None:
    assert to_prompt(_count(cache_control={"type": "ephemeral"})) == to_prompt(_count())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        _of("cache_control", {"type": "ephemeral"}, "honoured"),
        _of("metadata", {"user_id": "u"}, "honoured"),
    ],
)
def test_what_needs_no_effect_is_taken(field: str, value: Any) -> None:
    assert to_generation(_read(**{field: value})) == to_generation(_read())


@pytest.mark.proves(POST, "max_tokens", "honoured")
@pytest.mark.proves(POST, "stop_sequences", "honoured")
@pytest.mark.proves(POST, "temperature", "honoured")
@pytest.mark.proves(POST, "top_p", "honoured")
@pytest.mark.proves(POST, "top_k", "honoured")
def test_sampling() -> None:
    sampling = to_generation(_read(stop_sequences=["x"], temperature=0.5, top_p=0.9, top_k=3)).sampling
    assert (sampling.max_tokens, sampling.stop, sampling.temperature, sampling.top_p, sampling.top_k) == (
        9,
        ("x",),
        0.5,
        0.9,
        3,
    )
    assert sampling.include_stop_str_in_output is True


@pytest.mark.proves(POST, "messages", "honoured")
@pytest.mark.proves(POST, "system", "honoured")
def test_a_conversation_with_tools_and_pictures() -> None:
    wire = _read(
        system=[
            {"type": "text", "text": "be"},
            {"type": "text", "text": "kind", "cache_control": {"type": "ephemeral"}},
        ],
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "look"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aaaa"}},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "s"},
                    {"type": "text", "text": "I ask"},
                    {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": "ß"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "t1",
                        "is_error": True,
                        "content": [
                            {"type": "text", "text": "no"},
                            {"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}},
                        ],
                    },
                    {"type": "text", "text": "and now?"},
                ],
            },
        ],
    )
    assert pictures_of(wire) == [
        ("messages[0].content[1].source", "data:image/png;base64,aaaa"),
        ("messages[2].content[0].content[1].source", "https://a.example/b.png"),
    ]
    assert to_generation(wire, [b"1", b"2"]).prompt == (
        Message.of("system", "be\nkind"),
        Message("user", (Text("look"), Image(b"1"))),
        Message("assistant", (Text("I ask"),), tool_calls=(ToolCall("t1", "f", '{"a": "ß"}'),), reasoning="hm"),
        Message("tool", (Text("Error:"), Text("no"), Image(b"2")), tool_call_id="t1"),
        Message.of("user", "and now?"),
    )


def test_an_answer_that_was_begun_goes_on() -> None:
    begun = _read(messages=[*QUESTION["messages"], {"role": "assistant", "content": "{"}])  # type: ignore[misc]
    assert to_generation(begun).continues
    assert not to_generation(_read()).continues


@pytest.mark.proves(POST, "tools", "honoured")
@pytest.mark.proves(POST, "tool_choice", "honoured")
@pytest.mark.parametrize(
    ("choice", "ours", "parallel"),
    [
        ({"type": "auto"}, ToolChoice("auto"), True),
        ({"type": "any", "disable_parallel_tool_use": True}, ToolChoice("required"), False),
        ({"type": "tool", "name": "f"}, ToolChoice("required", "f"), True),
        ({"type": "none"}, ToolChoice("none"), True),
    ],
)
def test_tools(choice: dict[str, Any], ours: ToolChoice, parallel: bool) -> None:
    request = to_generation(_read(tools=[TOOL | {"description": "d", "strict": True}], tool_choice=choice))
    assert (request.tool_choice, request.parallel_tool_calls) == (ours, parallel)
    assert [(tool.name, tool.description, tool.parameters, tool.strict) for tool in request.tools] == [
        ("f", "d", {"type": "object"}, True)
    ]


@pytest.mark.proves(POST, "thinking", "honoured")
@pytest.mark.proves(POST, "output_config", "honoured")
def test_thinking_and_the_form_of_the_answer() -> None:
    schema = {"type": "object"}
    request = to_generation(
        _read(
            thinking={"type": "enabled", "budget_tokens": 1024},
            output_config={"effort": "max", "format": {"type": "json_schema", "schema": schema}},
        )
    )
    assert request.thinking == Thinking(True, "high")
    assert request.sampling.structured_outputs == {"json": schema}
    assert to_generation(_read(thinking={"type": "disabled"})).thinking.enabled is False
    assert to_generation(_read()).thinking.enabled is None


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0].type"),
        ({"tools": [TOOL | {"defer_loading": True}]}, "tools[0].defer_loading"),
        ({"messages": [{"role": "user", "content": [{"type": "document"}]}]}, "messages[0].content[0].type"),
        (
            {"messages": [{"role": "user", "content": [{"type": "thinking", "thinking": "x"}]}]},
            "messages[0].content[0].type",
        ),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"tool_choice": {"type": "auto", "name": "f"}}, "tool_choice.name"),
    ],
)
def test_what_cannot_be_is_refused_by_its_path(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        _read(**fields)
    assert refused.value.field == field


@pytest.mark.parametrize("fields", [{"max_tokens": 0}, {"messages": []}, {"unknown": 1}, {"temperature": "0"}])
def test_what_is_malformed_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        _read(**fields)


def _whole(text: str, reason: Any = "stop", **more: Any) -> Whole:
    return Whole((Sequenced(text, (), **more),), Finished((reason,), Usage(3, 4)))


@pytest.mark.parametrize(
    ("text", "reason", "stops", "left", "why", "by"),
    [
        ("a END", "stop", ["END"], "a ", "stop_sequence", "END"),
        ("a END", "length", ["END"], "a END", "max_tokens", None),
        ("a", "stop", ["END"], "a", "end_turn", None),
        ("a", "stop", [], "a", "end_turn", None),
        ("aXX", "stop", ["X", "XX"], "a", "stop_sequence", "XX"),
    ],
)
def test_which_stop_sequence_it_was(
    text: str, reason: str, stops: list[str], left: str, why: str, by: str | None
) -> None:
    answer = from_whole(_whole(text, reason), _read(stop_sequences=stops), answer_id="msg_1")
    assert (answer["content"], answer["stop_reason"], answer["stop_sequence"]) == (
        [{"type": "text", "text": left}],
        why,
        by,
    )
    assert answer["usage"] == {"input_tokens": 3, "output_tokens": 4}


def test_thoughts_are_shown_to_who_asked_for_them_and_calls_have_objects() -> None:
    whole = _whole(
        "", "tool_calls", reasoning="hm", tool_calls=(ToolCall("t", "f", '{"a":1}'), ToolCall("u", "g", "{"))
    )
    calls = [
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
        {"type": "tool_use", "id": "u", "name": "g", "input": {"arguments": "{"}},
    ]
    assert from_whole(whole, _read(), answer_id="m")["content"] == calls
    shown = from_whole(whole, _read(thinking={"type": "enabled"}), answer_id="m")
    assert shown["content"] == [{"type": "thinking", "thinking": "hm", "signature": ""}, *calls]
    assert shown["stop_reason"] == "tool_use"


def _joined(raw: bytes) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    """The blocks of a stream, each as its kind and all of its text, and its last delta; checks the order of events."""
    blocks: list[tuple[str, str]] = []
    opened: int | None = None
    last: dict[str, Any] = {}
    for event in raw.decode().split("\n\n")[:-1]:
        name, _, data = event.partition("\n")
        payload = json.loads(data.removeprefix("data: "))
        assert name == f"event: {payload['type']}"
        if payload["type"] == "content_block_start":
            assert opened is None
            assert payload["index"] == len(blocks)
            opened = payload["index"]
            blocks.append((payload["content_block"]["type"], ""))
        elif payload["type"] == "content_block_delta":
            assert payload["index"] == opened
            delta = payload["delta"]
            kind, text = blocks[-1]
            grown = delta.get("text", "") + delta.get("thinking", "") + delta.get("partial_json", "")
            blocks[-1] = (kind, text + grown)
        elif payload["type"] == "content_block_stop":
            assert payload["index"] == opened
            opened = None
        elif payload["type"] == "message_delta":
            last = payload
    assert opened is None
    return blocks, last


@pytest.mark.proves(POST, "stream", "honoured")
@given(st.data())
def test_a_stream_says_the_same_however_the_text_is_cut(data: st.DataObject) -> None:
    text, stops = data.draw(st.text("abE ", max_size=12)), ["E", "ab E"]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    made = MessageEvents("m", answer_id="msg_1", stops=stops, with_thoughts=True)
    events: list[Event] = [ReasoningDelta("h"), ReasoningDelta("m"), *(TextDelta(piece) for piece in pieces)]
    events += [ToolCallDelta(0, "", id="t", name="f"), ToolCallDelta(0, "{}"), Finished(("tool_calls",), Usage(1, 2))]
    blocks, last = _joined(b"".join(made.of(event) for event in events))
    assert blocks == [("thinking", "hm"), *([("text", text)] if text else []), ("tool_use", "{}")]
    assert last["delta"] == {"stop_reason": "tool_use", "stop_sequence": None}

    made = MessageEvents("m", answer_id="msg_1", stops=stops, with_thoughts=False)
    events = [ReasoningDelta("h"), *(TextDelta(piece) for piece in pieces), Finished(("stop",), Usage(1, 2))]
    blocks, last = _joined(b"".join(made.of(event) for event in events))
    whole = from_whole(_whole(text), _read(stop_sequences=stops), answer_id="msg_1")
    assert blocks == [("text", whole["content"][0]["text"])]
    assert last["delta"] == {"stop_reason": whole["stop_reason"], "stop_sequence": whole["stop_sequence"]}
    assert last["usage"] == {"input_tokens": 1, "output_tokens": 2}

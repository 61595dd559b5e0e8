"""Ollama's requests become ours, without a server."""

from __future__ import annotations

import base64
import math
from typing import Any

import pytest

from gateway.dialects.ollama.generation.schemas import ChatRequest, GenerateRequest
from gateway.dialects.ollama.generation.translate import pictures_of, to_chat, to_generation
from gateway.domain.content import Image, Message, Text, ToolCall
from gateway.domain.generation import GenerationRequest, Sampling, Thinking, Tool

PICTURE = base64.b64encode(b"png").decode()
USER: dict[str, Any] = {"role": "user", "content": "Hi"}


def _chat(*messages: dict[str, Any], **given: Any) -> GenerationRequest:
    wire = ChatRequest.model_validate({"model": "m", "messages": list(messages), **given})
    return to_chat(wire, [image for _, image in pictures_of(wire)])


def _generate(**given: Any) -> GenerationRequest:
    wire = GenerateRequest.model_validate({"model": "m", **given})
    return to_generation(wire, [image for _, image in pictures_of(wire)])


def test_what_is_not_said_stays_unset() -> None:
    assert _chat(USER) == GenerationRequest("m", (Message.of("user", "Hi"),), stream=True)
    assert _generate(prompt="Hi") == GenerationRequest("m", (Message.of("user", "Hi"),), stream=True)


def test_a_stream_is_asked_for_unless_it_is_refused() -> None:
    assert [_chat(USER, stream=each).stream for each in (None, True, False)] == [True, True, False]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("5m", 300.0),
        ("1h30m", 5400.0),
        (90, 90.0),
        (0, 0.0),
        ("0", 0.0),
        (-1, math.inf),
        ("-1m", math.inf),
        (None, None),
    ],
)
def test_keep_alive_is_seconds(given: object, expected: float | None) -> None:
    assert _chat(USER, keep_alive=given).keep_alive_s == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, Thinking()),
        (True, Thinking(enabled=True)),
        (False, Thinking(enabled=False)),
        ("high", Thinking(enabled=True, effort="high")),
    ],
)
def test_think(given: object, expected: Thinking) -> None:
    assert _chat(USER, think=given).thinking == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [(None, None), ("", None), ("json", {"json_object": True}), ({"type": "array"}, {"json": {"type": "array"}})],
)
def test_format(given: object, expected: object) -> None:
    assert _chat(USER, format=given).sampling == Sampling(structured_outputs=expected)  # type: ignore[arg-type]


def test_a_message_has_its_pictures_before_its_words() -> None:
    expected = Message("user", (Image(b"png"), Text("Hi")))
    assert _chat({**USER, "images": [PICTURE]}).prompt == (expected,)
    assert _generate(prompt="Hi", images=[PICTURE]).prompt == (expected,)
    raw = _generate(prompt="Hi", images=[PICTURE], raw=True)
    assert (raw.prompt, raw.images) == ("Hi", (b"png",))


def test_each_message_has_its_own_pictures() -> None:
    others = [base64.b64encode(each).decode() for each in (b"1", b"2")]
    first, second, third = _chat({**USER, "images": others}, USER, {**USER, "images": [PICTURE]}).prompt
    assert first.images == (b"1", b"2")  # type: ignore[union-attr]
    assert second.images == ()  # type: ignore[union-attr]
    assert third.images == (b"png",)  # type: ignore[union-attr]


def test_tools() -> None:
    schema = {"type": "object", "properties": {"x": {"type": "integer"}}}
    function = {"name": "f", "description": "Does.", "parameters": schema}
    assert _chat(USER, tools=[{"type": "function", "function": function}]).tools == (Tool("f", "Does.", schema),)


def _called(*names: str, **more: Any) -> dict[str, Any]:
    return {
        "role": "assistant",
        "tool_calls": [{"function": {"name": each, "arguments": {}}, **more} for each in names],
    }


def test_results_belong_to_calls_by_name_or_by_order() -> None:
    found = _chat(
        USER,
        _called("a", "b"),
        {"role": "tool", "content": "of b", "tool_name": "b"},
        {"role": "tool", "content": "of a"},
        _called("c", id="mine"),
        {"role": "tool", "content": "of c", "tool_call_id": "mine"},
    ).prompt
    assert isinstance(found, tuple)
    assert found[1].tool_calls == (ToolCall("call_0", "a", "{}"), ToolCall("call_1", "b", "{}"))
    assert [(each.name, each.tool_call_id) for each in found if each.role == "tool"] == [
        ("b", "call_1"),
        ("a", "call_0"),
        ("c", "mine"),
    ]


@pytest.mark.parametrize(
    ("last", "continues"),
    [
        ({"role": "assistant", "content": "Well,"}, True),
        ({"role": "assistant", "content": ""}, False),
        (_called("a"), False),
        (USER, False),
    ],
)
def test_an_answer_that_is_begun_is_gone_on_with(last: dict[str, Any], continues: bool) -> None:
    assert _chat(USER, last).continues is continues


def test_a_thought_of_before_is_kept() -> None:
    found = _chat(USER, {"role": "assistant", "content": "Yes.", "thinking": "hm"}, USER).prompt
    assert isinstance(found, tuple)
    assert found[1] == Message("assistant", (Text("Yes."),), reasoning="hm")

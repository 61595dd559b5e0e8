"""Items as messages: who said what in which order, the same whether they are sent or come from what was stored."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai._models import validate_type
from openai.types.responses import ResponseItem

from gateway.dialects.naming import named
from gateway.dialects.openai.responses.conversation import to_listed, to_messages
from gateway.dialects.openai.responses.items import read_items
from gateway.dialects.openai.responses.schemas import ResponseRequest
from gateway.dialects.openai.responses.translate import names_of, to_generation
from gateway.domain.content import Message, Text, ToolCall
from gateway.domain.generation import Thinking
from modelyard.errors import InvalidInput, PromptTooLong

THOUGHT = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}
SAID = {"role": "assistant", "content": "I look."}
CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "28"}]}


def _wire(**more: object) -> ResponseRequest:
    return ResponseRequest.model_validate({"model": "m", "input": "hi", **more})


def test_a_thought_a_text_and_calls_are_one_message() -> None:
    messages = to_messages([], read_items([THOUGHT, SAID, CALL, CALL | {"call_id": "c2"}, RESULT]))
    calls = (ToolCall("c1", "f", '{"a": 1}'), ToolCall("c2", "f", '{"a": 1}'))
    assert messages == [
        Message("assistant", (Text("I look."),), tool_calls=calls, reasoning="hm"),
        Message("tool", (Text("28"),), "f", tool_call_id="c1"),
    ]


@pytest.mark.parametrize("again", [THOUGHT, SAID])
def test_what_comes_after_an_answer_is_another_one(again: dict[str, Any]) -> None:
    assert len(to_messages([], read_items([SAID, CALL, again]))) == 2
    assert len(to_messages([], read_items([SAID, again]))) == 2


def test_a_summary_is_shown_where_there_is_no_thought() -> None:
    summary = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "in short"}]}
    (message,) = to_messages([], read_items([summary, SAID]))
    assert message.reasoning == "in short"


def test_a_result_may_be_of_a_call_of_before() -> None:
    assert to_messages(read_items([CALL]), read_items([RESULT]))[-1].name == "f"
    with pytest.raises(InvalidInput) as refused:
        to_messages(read_items([SAID]), read_items([RESULT]))
    assert refused.value.field == "input[0].call_id"


def test_an_item_is_what_the_engine_is_asked() -> None:
    wire = _wire(instructions="Be brief.", reasoning={"effort": "high"}, temperature=0, stream=True)
    request = to_generation(wire, [])
    assert request.prompt == (Message.of("system", "Be brief."), Message.of("user", "hi"))
    assert request.thinking == Thinking(True, "high")
    assert request.sampling.temperature == 0
    assert request.sampling.max_tokens is None
    assert request.stream


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("messages", "input"),
        ("reasoning_effort", "reasoning.effort"),
        ("max_tokens", "max_output_tokens"),
        ("tools[0].function.parameters", "tools[0].parameters"),
        ("tool_choice", "tool_choice"),
    ],
)
def test_errors_have_the_clients_names_of_fields(ours: str, theirs: str) -> None:
    names = names_of(_wire(tools=[{"type": "function", "name": "f"}]))
    with pytest.raises(InvalidInput) as refused, named(names, too_long="input"):
        raise InvalidInput("wrong", field=ours)
    assert refused.value.field == theirs
    with pytest.raises(PromptTooLong) as too_long, named(names, too_long="input"):
        raise PromptTooLong("too long")
    assert too_long.value.field == "input"


_TEXT = st.text(max_size=5)
_ITEMS = st.lists(
    st.one_of(
        st.builds(lambda text: {"role": "user", "content": text}, _TEXT),
        st.builds(lambda text: {"role": "user", "content": [{"type": "input_text", "text": text}]}, _TEXT),
        st.builds(lambda text: {"role": "developer", "content": text}, _TEXT),
        st.builds(lambda text: {"role": "assistant", "content": text, "type": "message"}, _TEXT),
        st.builds(
            lambda text: {"role": "assistant", "content": [{"type": "refusal", "refusal": text}], "id": "msg_x"}, _TEXT
        ),
        st.builds(lambda text: THOUGHT | {"content": [{"type": "reasoning_text", "text": text}]}, _TEXT),
        st.builds(lambda text: CALL | {"arguments": text}, _TEXT),
        st.sampled_from([RESULT, RESULT | {"output": "28"}]),
    ),
    max_size=8,
)


@settings(deadline=None)
@given(_ITEMS, st.integers(0, 8))
def test_what_is_stored_is_what_was_sent(given_items: list[dict[str, Any]], cut: int) -> None:
    given_items = [CALL, *given_items]
    items = read_items(given_items)
    listed = to_listed(items, "stem")
    for each in listed:
        validate_type(type_=ResponseItem, value=each)  # type: ignore[arg-type]
    again = read_items(orjson.loads(orjson.dumps(listed)))
    assert to_messages(again[:cut], again[cut:]) == to_messages([], items)
    said = "".join(message.text for message in to_messages([], items))
    for item in given_items:
        if item.get("role") == "user" and isinstance(item["content"], str):
            assert item["content"] in said

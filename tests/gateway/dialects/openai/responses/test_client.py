"""Responses by the official `openai` client, unmodified, through a real Triton."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import openai
import pytest
from openai.types.responses import Response, ResponseTextDeltaEvent
from PIL import Image
from pydantic import BaseModel

RESPONSES = "POST /v1/responses"
WEATHER: dict[str, Any] = {
    "type": "function",
    "name": "weather",
    "description": "How it is outside.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}
TIME: dict[str, Any] = {"type": "function", "name": "time", "parameters": None, "strict": False}
CALL = '<tool_call>{"name": "weather", "arguments": {"city": "Rome"}}</tool_call>\n'
OTHER_CALL = '<tool_call>{"name": "time", "arguments": {}}</tool_call>\n'
LOGPROBS: Any = "message.output_text.logprobs"


def _create(client: openai.OpenAI, text: Any, /, **more: Any) -> Response:
    asked = {"model": "responder", "input": text, "max_output_tokens": 2000} | more
    answer = client.responses.create(**asked)
    assert isinstance(answer, Response)
    return answer


def _script(text: str, *, how: str = "") -> str:
    return f"say=script {how} <<<{text}>>>"


def _sampling(client: openai.OpenAI, **more: Any) -> dict[str, Any]:
    """What the engine was asked."""
    asked: dict[str, Any] = json.loads(_create(client, "say=sampling", **more).output_text)
    return asked


def _prompt(client: openai.OpenAI, text: Any, **more: Any) -> str:
    """What the model was shown; `text` must have say=prompt in it."""
    return _create(client, text, **more).output_text


@pytest.mark.proves(RESPONSES, "", "honoured")
@pytest.mark.proves(RESPONSES, "input", "honoured")
@pytest.mark.proves(RESPONSES, "model", "honoured")
def test_a_text_is_answered(client: openai.OpenAI) -> None:
    answer = _create(client, "words=3")
    assert answer.output_text == "polly wants a "
    assert answer.model == "responder"
    assert answer.status == "completed"
    assert answer.error is None
    assert answer.incomplete_details is None
    assert answer.completed_at is not None
    assert answer.completed_at >= answer.created_at > 0
    assert answer.usage is not None
    assert answer.usage.output_tokens == 3
    assert answer.usage.total_tokens == answer.usage.input_tokens + 3


@pytest.mark.proves(RESPONSES, "max_output_tokens", "honoured")
def test_an_answer_that_is_cut_is_incomplete(client: openai.OpenAI) -> None:
    answer = _create(client, "words=9", max_output_tokens=2)
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"
    assert answer.max_output_tokens == 2
    assert answer.output_text == "polly wants "


@pytest.mark.proves(RESPONSES, "temperature", "honoured")
@pytest.mark.proves(RESPONSES, "top_p", "honoured")
def test_sampling_comes_to_the_engine(client: openai.OpenAI) -> None:
    answer = _create(client, "say=sampling", temperature=0.5, top_p=0.25)
    asked = json.loads(answer.output_text)
    assert (asked["temperature"], asked["top_p"]) == (0.5, 0.25)
    assert (answer.temperature, answer.top_p) == (0.5, 0.25)


@pytest.mark.proves(RESPONSES, "instructions", "honoured")
def test_instructions_stand_before_all(client: openai.OpenAI) -> None:
    shown = _prompt(client, "say=prompt", instructions="Be brief.")
    assert shown.startswith("system Be brief.user say=prompt")


def test_items_are_shown_as_the_conversation_that_they_were(client: openai.OpenAI) -> None:
    items = [
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "I look.", "annotations": []}],
        },
        {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city": "Rome"}'},
        {"type": "function_call_output", "call_id": "c1", "output": "28 degrees"},
        {"role": "user", "content": "say=prompt"},
    ]
    shown = _prompt(client, items, tools=[WEATHER])
    places = [
        shown.index(each)
        for each in ("Be kind.", "Weather?", "<think>hm</think>I look.", "tool 28 degrees", "say=prompt")
    ]
    assert places == sorted(places)


@pytest.mark.proves(RESPONSES, "tools", "honoured")
def test_calls_are_items_and_their_results_go_back(client: openai.OpenAI) -> None:
    first = _create(client, _script(f"Let me see. {CALL}{OTHER_CALL}"), tools=[WEATHER, TIME])
    assert [item.type for item in first.output] == ["message", "function_call", "function_call"]
    calls = [item for item in first.output if item.type == "function_call"]
    assert [(call.name, json.loads(call.arguments)) for call in calls] == [("weather", {"city": "Rome"}), ("time", {})]
    results = [{"type": "function_call_output", "call_id": call.call_id, "output": "good"} for call in calls]
    said: list[Any] = [{"role": "user", "content": "x"}, *first.output, *results]
    again = _create(client, [*said, {"role": "user", "content": "say=prompt"}], tools=[WEATHER, TIME])
    # The prompt has the calls in it, and what repeats it calls them once more.
    assert [item.name for item in again.output if item.type == "function_call"] == ["weather", "time"]
    assert again.output_text.count("tool good") == 2
    assert first.tools[0].to_dict()["name"] == "weather"


@pytest.mark.proves(RESPONSES, "tool_choice", "honoured")
def test_a_choice_among_tools_is_kept_to(client: openai.OpenAI) -> None:
    named = {"type": "function", "name": "time"}
    allowed = {"type": "allowed_tools", "mode": "auto", "tools": [named]}
    shown = _prompt(client, "say=prompt", tools=[WEATHER, TIME], tool_choice=allowed)
    assert '"time"' in shown
    assert '"weather"' not in shown
    none = _create(client, _script(CALL), tools=[WEATHER], tool_choice="none")
    assert [item.type for item in none.output] == ["message"]
    for choice in ("required", named):
        # What the engine was asked is what the parrot says, as text or, of a function that must be called, to it.
        asked = _create(client, "say=sampling", tools=[TIME, WEATHER], tool_choice=choice)
        assert "structured_outputs" in asked.model_dump_json()
    answer = _create(client, "words=1", tools=[TIME], tool_choice="auto")
    assert answer.tool_choice == "auto"


@pytest.mark.proves(RESPONSES, "parallel_tool_calls", "honoured")
def test_without_parallel_calls_there_is_one(client: openai.OpenAI) -> None:
    answer = _create(client, _script(CALL + OTHER_CALL), tools=[WEATHER, TIME], parallel_tool_calls=False)
    assert [item.type for item in answer.output] == ["function_call"]
    assert answer.parallel_tool_calls is False


@pytest.mark.proves(RESPONSES, "reasoning", "honoured")
@pytest.mark.proves(RESPONSES, "reasoning.effort", "honoured")
def test_thoughts_are_an_item_and_can_be_turned_off(client: openai.OpenAI) -> None:
    thought, said = _create(client, _script("<think>hm</think>yes")).output
    assert thought.type == "reasoning"
    assert [part.text for part in thought.content or ()] == ["hm"]
    assert said.type == "message"
    assert "<think></think>" not in _prompt(client, "say=prompt")
    shown = _create(client, "say=prompt", reasoning={"effort": "none"}).output_text
    assert shown.endswith("<think></think>")


class Person(BaseModel):
    name: str


@pytest.mark.proves(RESPONSES, "text", "honoured")
@pytest.mark.proves(RESPONSES, "text.format", "honoured")
def test_the_form_of_the_text_is_the_engines_to_keep(client: openai.OpenAI) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    asked = _sampling(client, text={"format": {"type": "json_schema", "name": "n", "schema": schema}})
    assert asked["structured_outputs"] == {"json": schema}
    assert _sampling(client, text={"format": {"type": "json_object"}})["structured_outputs"] == {"json_object": True}
    assert "structured_outputs" not in _sampling(client, text={"format": {"type": "text"}, "verbosity": "medium"})
    parsed = client.responses.parse(model="responder", input=_script('{"name": "Ada"}'), text_format=Person)
    assert parsed.output_parsed == Person(name="Ada")


def test_the_model_is_told_what_the_form_is_for(client: openai.OpenAI) -> None:
    form = {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "description": "of a town"}
    assert "Answer with the JSON of 'n': of a town" in _create(client, "say=prompt", text={"format": form}).output_text


@pytest.mark.proves(RESPONSES, "include", "honoured")
@pytest.mark.proves(RESPONSES, "top_logprobs", "honoured")
def test_probabilities_come_when_they_are_included(client: openai.OpenAI) -> None:
    answer = _create(client, "words=2", include=[LOGPROBS], top_logprobs=2)
    (item,) = answer.output
    assert item.type == "message"
    assert item.content[0].type == "output_text"
    tokens = item.content[0].logprobs or []
    assert [(token.token, token.logprob, len(token.top_logprobs)) for token in tokens] == [
        ("polly ", -0.5, 2),
        ("wants ", -0.5, 2),
    ]
    stream = client.responses.create(model="responder", input="words=1", include=[LOGPROBS], stream=True)
    with stream:
        (delta,) = [event for event in stream if isinstance(event, ResponseTextDeltaEvent)]
    assert [token.token for token in delta.logprobs] == ["polly "]


def _picture() -> str:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def test_pictures_are_shown_and_shown_again(client: openai.OpenAI) -> None:
    parts = [
        {"type": "input_text", "text": "say=prompt"},
        {"type": "input_image", "image_url": _picture(), "detail": "low"},
    ]
    first = _create(
        client, [{"role": "user", "content": [{"type": "input_text", "text": "x"}, parts[1]]}], model="looker"
    )
    again = _create(client, [{"role": "user", "content": parts}], model="looker", previous_response_id=first.id)
    assert again.output_text.count("<image>") == 2


@pytest.mark.proves(RESPONSES, "previous_response_id", "honoured")
def test_a_response_goes_on_from_another(client: openai.OpenAI) -> None:
    first = _create(client, "words=1", instructions="Old.")
    second = _create(client, "words=2", previous_response_id=first.id)
    assert second.previous_response_id == first.id
    shown = _prompt(client, "say=prompt", previous_response_id=second.id, instructions="New.")
    assert "Old." not in shown
    places = [shown.index(each) for each in ("New.", "words=1", "polly", "words=2", "polly wants", "say=prompt")]
    assert places == sorted(places)
    # Each has in it what it came from.
    client.responses.delete(first.id)
    assert "words=1" in _prompt(client, "say=prompt", previous_response_id=second.id)


@pytest.mark.proves(RESPONSES, "store", "honoured")
def test_what_is_not_stored_cannot_be_gone_on_from(client: openai.OpenAI) -> None:
    answer = _create(client, "words=1", store=False)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(answer.id)
    with pytest.raises(openai.BadRequestError) as refused:
        _create(client, "words=1", previous_response_id=answer.id)
    assert refused.value.param == "previous_response_id"
    assert client.responses.retrieve(_create(client, "words=1", store=True).id).output_text == "polly "


@pytest.mark.proves("GET /v1/responses/{response_id}", "", "honoured")
@pytest.mark.proves("DELETE /v1/responses/{response_id}", "", "honoured")
@pytest.mark.proves(RESPONSES, "metadata", "honoured")
def test_a_response_is_kept_until_it_is_deleted(client: openai.OpenAI) -> None:
    made = _create(client, "words=2", metadata={"topic": "birds"})
    kept = client.responses.retrieve(made.id)
    assert kept == made
    assert kept.metadata == {"topic": "birds"}
    client.responses.delete(made.id)
    for ask in (client.responses.retrieve, client.responses.delete, client.responses.input_items.list):
        with pytest.raises(openai.NotFoundError) as missing:
            ask(made.id)
        assert missing.value.code == "response_not_found"


@pytest.mark.proves("GET /v1/responses/{response_id}/input_items", "", "honoured")
@pytest.mark.proves("GET /v1/responses/{response_id}/input_items", "limit", "honoured")
@pytest.mark.proves("GET /v1/responses/{response_id}/input_items", "order", "honoured")
@pytest.mark.proves("GET /v1/responses/{response_id}/input_items", "after", "honoured")
def test_items_are_listed_page_by_page(client: openai.OpenAI) -> None:
    first = _create(client, _script(CALL), tools=[WEATHER])
    (call,) = first.output
    assert call.type == "function_call"
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "28"}
    second = _create(client, [result, {"role": "user", "content": "words=1"}], previous_response_id=first.id)
    kinds = ["message", "function_call", "function_call_output", "message"]
    listed = list(client.responses.input_items.list(second.id, order="asc", limit=1))
    assert [item.type for item in listed] == kinds
    assert len({item.id for item in listed}) == 4
    newest = client.responses.input_items.list(second.id, limit=2)
    assert [item.id for item in newest.data] == [listed[3].id, listed[2].id]
    assert newest.has_more
    rest = client.responses.input_items.list(second.id, after=listed[2].id)
    assert [item.id for item in rest.data] == [listed[1].id, listed[0].id]
    assert not rest.has_more


@pytest.mark.proves("POST /v1/responses/{response_id}/cancel", "", "refused")
def test_nothing_is_made_in_the_background_to_be_cancelled(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="background"):
        client.responses.cancel(_create(client, "words=1").id)


@pytest.mark.proves(RESPONSES, "stream", "honoured")
def test_a_stream_is_the_response_piece_by_piece(client: openai.OpenAI) -> None:
    text = f"<think>hm, well</think>Let me see. {CALL}"
    tools: Any = [WEATHER]
    with client.responses.stream(
        model="responder", input=_script(text, how="chunk=3"), tools=tools, max_output_tokens=999
    ) as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert [event.sequence_number for event in events] == list(range(len(events)))
    thoughts = [event.delta for event in events if event.type == "response.reasoning_text.delta"]
    assert len(thoughts) > 1
    assert "".join(thoughts) == "hm, well"
    words = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert len(words) > 1
    assert "".join(words).strip() == "Let me see."
    assert [item.type for item in final.output] == ["reasoning", "message", "function_call"]
    assert events[-1].type == "response.completed"
    kept = client.responses.retrieve(final.id)
    assert kept.output_text == "".join(words)
    assert "Let me see." in _prompt(client, "say=prompt", previous_response_id=final.id, tools=[WEATHER])


def test_a_stream_that_breaks_ends_as_failed(client: openai.OpenAI) -> None:
    asked = client.responses.create(
        model="responder", input="words=9 raise=INTERNAL after=3", max_output_tokens=99, stream=True
    )
    with asked as stream:
        *_, last = stream
    assert last.type == "response.failed"
    assert last.response.status == "failed"
    assert last.response.error is not None
    assert last.response.error.code == "server_error"
    assert last.response.output_text.startswith("polly wants")
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(last.response.id)


def test_what_fails_before_the_first_event_is_a_status(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.responses.create(model="nobody", input="hi", stream=True)
    assert missing.value.code == "model_not_found"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param(field, value, marks=pytest.mark.proves(RESPONSES, field, "honoured"))
        for field, value in (
            ("user", "u-1"),
            ("safety_identifier", "s-1"),
            ("prompt_cache_key", "k-1"),
            ("max_tool_calls", 3),
        )
    ],
)
def test_labels_change_no_answer_and_are_answered(client: openai.OpenAI, field: str, value: Any) -> None:
    plain, labelled = _sampling(client), _create(client, "say=sampling", **{field: value})
    assert json.loads(labelled.output_text) == plain
    assert labelled.to_dict()[field] == value

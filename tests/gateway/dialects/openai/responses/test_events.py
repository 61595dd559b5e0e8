"""Events of a streamed response: each is what the client's types say, and together they are the whole response."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st
from openai._models import validate_type
from openai.types.responses import Response, ResponseStreamEvent

from gateway.dialects.failures import from_exception
from gateway.dialects.openai.responses.events import ResponseEvents
from gateway.dialects.openai.responses.output import Output
from gateway.dialects.openai.responses.schemas import LOGPROBS, ResponseRequest
from gateway.dialects.openai.responses.translate import begun, from_finished, shown_logprobs
from gateway.domain.generation import (
    Event,
    Finished,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
    Usage,
)
from modelyard.errors import GenerationBroken, Overloaded


def _wire(**more: object) -> ResponseRequest:
    return ResponseRequest.model_validate({"model": "m", "input": "hi", "stream": True, **more})


def _made(wire: ResponseRequest) -> ResponseEvents:
    top = shown_logprobs(wire)
    base = begun(wire, answer_id="resp_1", created=7, store=True)
    return ResponseEvents(base, Output("1", top=top), now=lambda: 9, logprobs=top is not None)


def _read(raw: bytes) -> list[dict[str, Any]]:
    frames = raw.decode().split("\n\n")
    assert frames.pop() == ""
    events = []
    for frame in frames:
        name, data = frame.split("\n")
        event = orjson.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        events.append(event)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    return events


def _checked(events: list[dict[str, Any]]) -> list[Any]:
    """By the client's own types, strictly."""
    return [validate_type(type_=ResponseStreamEvent, value=event) for event in events]  # type: ignore[arg-type]


def _streamed(events: Sequence[Event], **more: object) -> list[dict[str, Any]]:
    made = _made(_wire(**more))
    read = _read(b"".join(made.of(event) for event in events))
    _checked(read)
    return read


def test_a_text_has_its_item_and_its_part_around_it() -> None:
    events = _streamed([TextDelta("a"), TextDelta('"b"\n'), Finished(("stop",), Usage(3, 2))])
    assert [event["type"].removeprefix("response.") for event in events] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    done = events[-1]["response"]
    assert done["status"] == "completed"
    assert done["completed_at"] == 9
    assert done["output"][0]["content"][0]["text"] == 'a"b"\n'
    assert done["usage"]["total_tokens"] == 5


def test_thoughts_text_and_calls_are_items_one_after_the_other() -> None:
    events: list[Event] = [
        ReasoningDelta("hm"),
        TextDelta("so"),
        ToolCallDelta(0, "", id="c1", name="f"),
        ToolCallDelta(0, '{"a": 1}'),
        ToolCallDelta(1, "{}", id="c2", name="g"),
        Finished(("tool_calls",), Usage(1, 1)),
    ]
    *_, last = _streamed(events)
    assert last["type"] == "response.completed"
    assert [item["type"] for item in last["response"]["output"]] == [
        "reasoning",
        "message",
        "function_call",
        "function_call",
    ]
    assert last["response"]["output"][0]["content"] == [{"type": "reasoning_text", "text": "hm"}]
    calls = [(item["call_id"], item["name"], item["arguments"]) for item in last["response"]["output"][2:]]
    assert calls == [("c1", "f", '{"a": 1}'), ("c2", "g", "{}")]


def test_an_answer_that_was_cut_is_incomplete() -> None:
    *_, closed, last = _streamed([TextDelta("a"), Finished(("length",), Usage(1, 1))])
    assert closed["item"]["status"] == "incomplete"
    assert last["type"] == "response.incomplete"
    assert last["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
    assert last["response"]["completed_at"] is None


def test_an_answer_of_nothing_is_an_empty_message() -> None:
    *_, last = _streamed([Finished(("stop",), Usage(1, 0))])
    assert last["response"]["output"][0]["content"][0]["text"] == ""


def test_a_stream_that_breaks_fails_with_what_it_had_said() -> None:
    made = _made(_wire())
    raw = made.of(TextDelta("so far")) + made.broken(from_exception(GenerationBroken()))
    *_, last = _read(raw)
    _checked([last])
    assert last["type"] == "response.failed"
    assert last["response"]["status"] == "failed"
    assert last["response"]["error"]["code"] == "server_error"
    assert last["response"]["output"][0]["content"][0]["text"] == "so far"


def test_a_stream_that_breaks_before_it_began_is_an_error_event() -> None:
    (only,) = _read(_made(_wire()).broken(from_exception(Overloaded(1))))
    _checked([only])
    assert (only["type"], only["code"]) == ("error", "overloaded")


# What the model says: (kind, text) for each thing; what it is cut into is drawn beside it.
_SAID = st.lists(st.tuples(st.sampled_from(("text", "thought", "call")), st.text(min_size=1, max_size=8)), max_size=5)


def _events(data: st.DataObject, said: list[tuple[str, str]]) -> list[Event]:
    events: list[Event] = []
    calls = 0
    for kind, text in said:
        marks = sorted(data.draw(st.sets(st.integers(1, max(1, len(text) - 1)), max_size=3)))
        pieces = [text[start:end] for start, end in zip([0, *marks], [*marks, None], strict=True)]
        if kind == "call":
            events.append(ToolCallDelta(calls, "", id=f"c{calls}", name="f"))
            events += [ToolCallDelta(calls, piece) for piece in pieces]
            calls += 1
        elif kind == "text":
            events += [TextDelta(piece, 0, (TokenLogprob(piece, -0.5),)) for piece in pieces]
        else:
            events += [ReasoningDelta(piece) for piece in pieces]
    reason: FinishReason = data.draw(st.sampled_from(("stop", "length", "tool_calls")))
    return [*events, Finished((reason,), Usage(1, 2))]


def _rebuilt(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The output as a client puts it together from nothing but what was added and grew."""
    output: list[dict[str, Any]] = []
    for event in events:
        kind = event["type"].removeprefix("response.")
        if kind == "output_item.added":
            assert event["output_index"] == len(output)
            output.append(event["item"])
            continue
        if kind in ("created", "in_progress", "completed", "incomplete"):
            continue
        item = output[event["output_index"]]
        if kind == "output_item.done":
            assert item | {"status": event["item"]["status"]} == event["item"]
            item["status"] = event["item"]["status"]
            continue
        assert event["item_id"] == item["id"]
        if kind == "content_part.added":
            assert event["content_index"] == len(item["content"])
            item["content"].append(event["part"])
        elif kind.endswith("arguments.delta"):
            item["arguments"] += event["delta"]
        elif kind.endswith("arguments.done"):
            assert item["arguments"] == event["arguments"]
        else:
            part = item["content"][event["content_index"]]
            if kind.endswith("_text.delta"):
                part["text"] += event["delta"]
                part.get("logprobs", []).extend(event.get("logprobs", ()))
            elif kind.endswith("_text.done"):
                assert part["text"] == event["text"]
            else:
                assert kind == "content_part.done"
                assert part == event["part"]
    return output


@given(_SAID, st.data())
def test_what_grew_is_the_whole_response_however_it_was_cut(said: list[tuple[str, str]], data: st.DataObject) -> None:
    events = _events(data, said)
    more = {"include": [LOGPROBS]}
    streamed = _streamed(events, **more)
    wire = _wire(**more)
    output = Output("1", top=0)
    for event in events[:-1]:
        assert not isinstance(event, Finished)
        output.add(event)
    output.finish()
    finished = events[-1]
    assert isinstance(finished, Finished)
    base = begun(wire, answer_id="resp_1", created=7, store=True)
    whole = from_finished(base, output, finished, now=9)
    assert streamed[-1]["response"] == whole
    assert _rebuilt(streamed) == whole["output"]
    assert isinstance(validate_type(type_=Response, value=whole), Response)

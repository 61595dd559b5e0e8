"""Chunks of a streamed chat: each is what OpenAI's are, and joined they are the whole answer, however it was cut."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.collecting import collect
from gateway.dialects.openai.chat.chunks import ChatChunks
from gateway.dialects.openai.chat.schemas import ChatCompletionRequest
from gateway.dialects.openai.chat.translate import from_whole
from gateway.domain.generation import Event, Finished, ReasoningDelta, TextDelta, TokenLogprob, ToolCallDelta, Usage

CHAT = "POST /v1/chat/completions"


def _wire(**more: object) -> ChatCompletionRequest:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **more}
    return ChatCompletionRequest.model_validate(body)


def _chunks(raw: bytes) -> list[Any]:
    frames = raw.decode().split("\n\n")
    assert frames.pop() == ""
    return [frame if frame == "data: [DONE]" else orjson.loads(frame.removeprefix("data: ")) for frame in frames]


def _streamed(events: Sequence[Event], **more: object) -> list[Any]:
    chunks = ChatChunks(_wire(stream=True, **more), answer_id="chatcmpl-1", created=7)
    return _chunks(b"".join(chunks.of(event) for event in events))


@given(st.text(min_size=1))
def test_any_text_is_one_valid_chunk(text: str) -> None:
    role, first, second = _streamed([TextDelta(text), TextDelta(text)])
    assert role["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert first["choices"] == [{"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": None}]
    assert (first["id"], first["created"], first["model"]) == ("chatcmpl-1", 7, "m")
    assert second == first


def test_an_answer_without_text_has_its_role_and_its_end_all_the_same() -> None:
    role, end, usage, done = _streamed([Finished(("length",), Usage(3, 0))], stream_options={"include_usage": True})
    assert role["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert end["choices"][0]["finish_reason"] == "length"
    assert end["usage"] is None
    assert usage["usage"] == {"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3}
    assert done == "data: [DONE]"


def test_a_call_begins_with_its_name_and_goes_on_with_its_arguments() -> None:
    events: list[Event] = [
        ReasoningDelta("hm"),
        ToolCallDelta(0, "", id="c1", name="f"),
        ToolCallDelta(0, '{"a"'),
        ToolCallDelta(0, ": 1}"),
        ToolCallDelta(1, "{}", id="c2", name='g"'),
        Finished(("tool_calls",), Usage(1, 1)),
    ]
    *chunks, done = _streamed(events)
    assert done == "data: [DONE]"
    assert [chunk["choices"][0]["delta"] for chunk in chunks] == [
        {"role": "assistant", "content": "", "refusal": None},
        {"reasoning_content": "hm"},
        {"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ": 1}"}}]},
        {"tool_calls": [{"index": 1, "id": "c2", "type": "function", "function": {"name": 'g"', "arguments": "{}"}}]},
        {},
    ]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None] * 6 + ["tool_calls"]


@pytest.mark.proves(CHAT, "include_reasoning", "honoured")
def test_thoughts_are_left_out_when_they_are_not_wanted() -> None:
    chunks = ChatChunks(_wire(stream=True, include_reasoning=False), answer_id="x", created=7)
    assert chunks.of(ReasoningDelta("hm")) == b""
    assert b"hm" not in chunks.of(TextDelta("x"))


# One sequence: (kind, text) for each thing that the model says; what it is cut into is drawn beside it.
_SAID = st.lists(st.tuples(st.sampled_from(("text", "thought", "call")), st.text(min_size=1, max_size=8)), max_size=5)


def _cut(data: st.DataObject, text: str) -> list[str]:
    marks = sorted(data.draw(st.sets(st.integers(1, max(1, len(text) - 1)), max_size=3)))
    return [text[start:end] for start, end in zip([0, *marks], [*marks, None], strict=True)]


def _events(data: st.DataObject, index: int, said: list[tuple[str, str]]) -> list[Event]:
    events: list[Event] = []
    calls = 0
    for kind, text in said:
        pieces = _cut(data, text)
        if kind == "call":
            events.append(ToolCallDelta(calls, "", id=f"c{calls}", name="f", index=index))
            events.extend(ToolCallDelta(calls, piece, index=index) for piece in pieces)
            calls += 1
        else:
            events.extend(
                TextDelta(piece, index, (TokenLogprob(piece, -0.5),))
                if kind == "text"
                else ReasoningDelta(piece, index)
                for piece in pieces
            )
    return events


def _joined(chunks: list[Any], n: int) -> list[dict[str, Any]]:
    """What a client has at the end of a stream."""
    choices: list[dict[str, Any]] = [
        {"content": "", "reasoning_content": "", "tool_calls": [], "tokens": [], "finish_reason": None}
        for _ in range(n)
    ]
    for chunk in chunks:
        for choice in chunk["choices"]:
            mine, delta = choices[choice["index"]], choice["delta"]
            for field in ("content", "reasoning_content"):
                mine[field] += delta.get(field, "")
            for call in delta.get("tool_calls", ()):
                if call["index"] == len(mine["tool_calls"]):
                    mine["tool_calls"].append([call["id"], call["function"]["name"], ""])
                mine["tool_calls"][call["index"]][2] += call["function"]["arguments"]
            mine["tokens"] += [each["token"] for each in (choice["logprobs"] or {}).get("content", ())]
            mine["finish_reason"] = choice["finish_reason"] or mine["finish_reason"]
    return choices


@given(st.lists(_SAID, min_size=1, max_size=3), st.data())
async def test_joined_chunks_are_the_whole_answer_however_it_was_cut(
    said: list[list[tuple[str, str]]], data: st.DataObject
) -> None:
    queues = [_events(data, index, each) for index, each in enumerate(said)]
    events: list[Event] = []
    while any(queues):
        events.append(data.draw(st.sampled_from([queue for queue in queues if queue])).pop(0))
    events.append(
        Finished(tuple("tool_calls" if any(k == "call" for k, _ in s) else "stop" for s in said), Usage(1, 2))
    )

    async def source() -> AsyncGenerator[Event, None]:
        for event in events:
            yield event

    *chunks, usage, done = _streamed(events, logprobs=True, stream_options={"include_usage": True})
    assert done == "data: [DONE]"
    whole = from_whole(await collect(source()), _wire(logprobs=True), answer_id="x", created=7)
    assert usage["usage"] == whole["usage"]
    expected = []
    for choice in whole["choices"]:
        message = choice["message"]
        calls = [[call["id"], *call["function"].values()] for call in message.get("tool_calls", ())]
        expected.append(
            {
                "content": message["content"] or "",
                "reasoning_content": message.get("reasoning_content", ""),
                "tool_calls": calls,
                "tokens": [each["token"] for each in choice["logprobs"]["content"]],
                "finish_reason": choice["finish_reason"],
            }
        )
    assert _joined(chunks, len(said)) == expected

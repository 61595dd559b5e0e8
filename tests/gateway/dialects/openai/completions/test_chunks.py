"""Streamed text completions: however an answer is cut and its prompts interleave, the chunks join to the whole one."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects.collecting import collect
from gateway.dialects.openai.completions.chunks import CompletionChunks
from gateway.dialects.openai.completions.schemas import CompletionRequest
from gateway.dialects.openai.completions.translate import from_wholes, to_generations
from gateway.domain.generation import Event, Finished, TextDelta, TokenLogprob, Usage

_TOKENS = st.lists(st.text(max_size=4), max_size=6)


async def _replayed(events: list[Event]) -> AsyncGenerator[Event, None]:
    for event in events:
        yield event


def _cut(data: st.DataObject, tokens: list[str], index: int, *, logprobs: bool) -> list[Event]:
    """One sequence in pieces of some tokens each."""
    events: list[Event] = []
    place = 0
    while place < len(tokens):
        end = data.draw(st.integers(place + 1, len(tokens)))
        piece = tokens[place:end]
        chosen = [TokenLogprob(each, -0.5, (TokenLogprob(each, -0.5),)) for each in piece]
        events.append(TextDelta("".join(piece), index, tuple(chosen) if logprobs else ()))
        place = end
    return events


def _mixed(data: st.DataObject, queues: list[list[Any]]) -> list[Any]:
    queues = [list(queue) for queue in queues]
    mixed = []
    while left := [queue for queue in queues if queue]:
        mixed.append(data.draw(st.sampled_from(left)).pop(0))
    return mixed


def _streamed(chunks: CompletionChunks, events: list[tuple[int, Event]]) -> bytes:
    said = b""
    for prompt, event in events:
        if isinstance(event, TextDelta):
            said += chunks.delta(prompt, event)
        elif isinstance(event, Finished):
            said += chunks.end_of(prompt, event)
    return said + chunks.end()


def _joined(stream: bytes, count: int) -> tuple[list[dict[str, Any]], Any]:
    """What a client has at the end of a stream: the choices, and the usage."""
    *frames, done, nothing = stream.split(b"\n\n")
    assert (done, nothing) == (b"data: [DONE]", b"")
    choices: list[dict[str, Any]] = [
        {"index": index, "text": "", "logprobs": None, "finish_reason": None} for index in range(count)
    ]
    usage = None
    for frame in frames:
        chunk = orjson.loads(frame.removeprefix(b"data: "))
        usage = chunk["usage"] or usage
        for choice in chunk["choices"]:
            mine = choices[choice["index"]]
            mine["text"] += choice["text"]
            mine["finish_reason"] = choice["finish_reason"] or mine["finish_reason"]
            if choice["logprobs"] is not None:
                mine["logprobs"] = mine["logprobs"] or {name: [] for name in choice["logprobs"]}
                for name, values in choice["logprobs"].items():
                    mine["logprobs"][name] = None if values is None else mine["logprobs"][name] + values
    return choices, usage


@settings(deadline=None)
@given(
    said=st.integers(1, 3).flatmap(
        lambda n: st.lists(st.lists(_TOKENS, min_size=n, max_size=n), min_size=1, max_size=3)
    ),
    more=st.sampled_from([{}, {"echo": True}, {"logprobs": 0}, {"logprobs": 1}]),
    data=st.data(),
)
async def test_joined_chunks_are_the_whole_answer_however_it_was_cut(
    said: list[list[list[str]]], more: dict[str, Any], data: st.DataObject
) -> None:
    """`said` are the tokens of each sequence of each prompt."""
    body = {
        "model": "m",
        "prompt": [f"prompt {number}" for number in range(len(said))],
        "n": len(said[0]),
        "stream_options": {"include_usage": True},
        "stream": True,
        **more,
    }
    wire = CompletionRequest.model_validate(body)
    asked = to_generations(wire)
    answers: list[list[Event]] = []
    for sequences in said:
        cut = [_cut(data, tokens, index, logprobs="logprobs" in more) for index, tokens in enumerate(sequences)]
        finished = Finished(("stop",) * len(sequences), Usage(1, sum(map(len, sequences))))
        answers.append([*_mixed(data, cut), finished])
    numbered = [[(number, event) for event in events] for number, events in enumerate(answers)]
    stream = _streamed(CompletionChunks(wire, asked, answer_id="x", created=7), _mixed(data, numbered))

    wholes = [await collect(_replayed(events)) for events in answers]
    expected = from_wholes(wholes, asked, wire, answer_id="x", created=7)
    choices, usage = _joined(stream, len(expected["choices"]))
    assert usage == expected["usage"]
    empty = {"tokens": [], "token_logprobs": [], "text_offset": []}
    for choice, whole in zip(choices, expected["choices"], strict=True):
        if choice["logprobs"] is None and whole["logprobs"]:
            # Of a sequence that says nothing there is no chunk that could have them.
            assert {name: whole["logprobs"][name] for name in empty} == empty
            choice["logprobs"] = whole["logprobs"]
        assert choice == whole

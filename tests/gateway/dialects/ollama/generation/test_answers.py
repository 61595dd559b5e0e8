"""Events to lines and to whole answers, without a server."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.collecting import Sequenced, Whole
from gateway.dialects.ollama.generation.answers import Lines, from_whole
from gateway.domain.content import ToolCall
from gateway.domain.generation import (
    Event,
    Finished,
    ReasoningDelta,
    TextDelta,
    Timings,
    TokenLogprob,
    ToolCallDelta,
    Usage,
)

SAID: dict[str, Any] = {"model": "m", "created_at": "2026-01-01T00:00:00Z", "logprobs": None}
END = Finished(("stop",), Usage(3, 2), Timings(load_s=1.0, first_token_s=0.5, rest_s=0.25))
ENDING = {
    "done": True,
    "done_reason": "stop",
    "total_duration": 1_750_000_000,
    "load_duration": 1_000_000_000,
    "prompt_eval_count": 3,
    "prompt_eval_duration": 500_000_000,
    "eval_count": 2,
    "eval_duration": 250_000_000,
}


def _lines(*events: Event, chat: bool = True, **said: Any) -> list[dict[str, Any]]:
    lines = Lines(chat=chat, **SAID | said)
    written = b""
    for event in events:
        if isinstance(event, TextDelta):
            written += lines.text(event)
        elif isinstance(event, ReasoningDelta):
            written += lines.thought(event)
        elif isinstance(event, ToolCallDelta):
            written += lines.call(event)
        else:
            written += lines.end(event)
    assert written.endswith(b"\n")
    found = [orjson.loads(line) for line in written.splitlines()]
    assert all(line.pop("model") == "m" and line.pop("created_at") == SAID["created_at"] for line in found)
    return found


def test_a_chat_line_by_line() -> None:
    assert _lines(ReasoningDelta("hm"), TextDelta('"Hi"\n'), END) == [
        {"message": {"role": "assistant", "content": "", "thinking": "hm"}, "done": False},
        {"message": {"role": "assistant", "content": '"Hi"\n'}, "done": False},
        {"message": {"role": "assistant", "content": ""}, **ENDING},
    ]


def test_a_text_line_by_line() -> None:
    assert _lines(ReasoningDelta("hm"), TextDelta("Hi"), END, chat=False) == [
        {"response": "", "thinking": "hm", "done": False},
        {"response": "Hi", "done": False},
        {"response": "", **ENDING},
    ]


def test_probabilities_are_beside_the_text() -> None:
    token = TokenLogprob("é", -0.5, (TokenLogprob("é", -0.5), TokenLogprob("e", -1.5)))
    one = {"token": "é", "logprob": -0.5, "bytes": [195, 169]}
    for chat in (True, False):
        line, _ = _lines(TextDelta("é", 0, (token,)), END, chat=chat, logprobs=1)
        assert line["logprobs"] == [{**one, "top_logprobs": [one]}]
        line, _ = _lines(TextDelta("é", 0, (token,)), END, chat=chat, logprobs=0)
        assert line["logprobs"] == [one]


def _call(index: int, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"id": f"id{index}", "function": {"index": index, "name": f"f{index}", "arguments": arguments}}


@given(st.lists(st.integers(1, 9), max_size=6), st.sampled_from([(), (TextDelta("Then"),), (ReasoningDelta("Then"),)]))
def test_a_call_is_sent_whole_however_it_comes(cuts: list[int], after: tuple[Event, ...]) -> None:
    arguments = '{"a": [1, "größe"], "b": null}'
    places = sorted({min(cut * 3, len(arguments)) for cut in cuts})
    pieces = [arguments[start:end] for start, end in zip([0, *places], [*places, len(arguments)], strict=True)]
    deltas = [
        ToolCallDelta(0, piece, id="id0" if i == 0 else None, name="f0" if i == 0 else None)
        for i, piece in enumerate(pieces)
    ]
    lines = _lines(*deltas, ToolCallDelta(1, "", id="id1", name="f1"), *after, END)
    calls = [line["message"]["tool_calls"] for line in lines if "tool_calls" in line.get("message", {})]
    assert calls == [[_call(0, {"a": [1, "größe"], "b": None})], [_call(1, {})]]
    assert lines[-1]["done"] is True
    assert len(lines) == 3 + len(after)


def test_a_call_that_was_cut_off_is_text() -> None:
    cut = Finished(("length",), Usage())
    lines = _lines(ToolCallDelta(0, '{"a": 1', id="id0", name="f0"), cut)
    assert [line["message"]["content"] for line in lines] == ['{"name": "f0", "arguments": {"a": 1', ""]
    assert lines[-1]["done_reason"] == "length"
    whole = Whole((Sequenced("So: ", (), "", (ToolCall("id0", "f0", '{"a": 1'),)),), cut)
    message = from_whole(whole, chat=True, **SAID)["message"]
    assert message == {"role": "assistant", "content": 'So: {"name": "f0", "arguments": {"a": 1'}


def test_a_whole_answer() -> None:
    finished = Finished(("tool_calls",), END.usage, END.timings)
    calls = (ToolCall("id0", "f0", '{"x": 1}'), ToolCall("id1", "f1", ""))
    whole = Whole((Sequenced("Hi", (TokenLogprob("Hi", -1.0),), "hm", calls),), finished)
    assert from_whole(whole, chat=True, **SAID | {"logprobs": 0}) == {
        "model": "m",
        "created_at": SAID["created_at"],
        "message": {
            "role": "assistant",
            "content": "Hi",
            "thinking": "hm",
            "tool_calls": [_call(0, {"x": 1}), _call(1, {})],
        },
        "logprobs": [{"token": "Hi", "logprob": -1.0, "bytes": [72, 105]}],
        **ENDING,
    }
    plain = Whole((Sequenced("Hi", ()),), END)
    assert from_whole(plain, chat=False, **SAID) == {
        "model": "m",
        "created_at": SAID["created_at"],
        "response": "Hi",
        **ENDING,
    }

"""Our events to Ollama's answers, whole and line by line. Pure: no HTTP, no clock, no randomness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from gateway.dialects.collecting import Whole
from gateway.dialects.ollama.durations import nanoseconds
from gateway.dialects.ollama.lines import on_one_line
from gateway.domain.content import ToolCall
from gateway.domain.generation import Finished, ReasoningDelta, TextDelta, TokenLogprob, ToolCallDelta


def from_whole(whole: Whole, *, chat: bool, model: str, created_at: str, logprobs: int | None) -> dict[str, Any]:
    """The one answer of a request that does not stream. `logprobs` is how many alternatives each token has, and None
    where there are no probabilities at all."""
    sequence = whole.sequences[0]
    text = sequence.text
    calls: list[dict[str, Any]] = []
    for call in sequence.tool_calls:
        made, unreadable = from_call(call, len(calls))
        calls += [made] if made else []
        text += unreadable
    said: dict[str, Any] = {"content" if chat else "response": text}
    if sequence.reasoning:
        said["thinking"] = sequence.reasoning
    if calls:
        said["tool_calls"] = calls
    answer: dict[str, Any] = {"model": model, "created_at": created_at}
    answer |= {"message": {"role": "assistant", **said}} if chat else said
    if logprobs is not None:
        answer["logprobs"] = from_logprobs(sequence.logprobs, logprobs)
    return answer | _ending(whole.finished)


def from_residence(*, chat: bool, model: str, created_at: str, reason: str) -> dict[str, Any]:
    """The answer to a request that asks nothing: the model was loaded, or unloaded."""
    said: dict[str, Any] = {"message": {"role": "assistant", "content": ""}} if chat else {"response": ""}
    return {"model": model, "created_at": created_at, **said, "done": True, "done_reason": reason}


class Lines:
    """The events of one streamed answer as bytes. All that is the same in each line is made once."""

    def __init__(self, *, chat: bool, model: str, created_at: str, logprobs: int | None) -> None:
        head = on_one_line({"model": model, "created_at": created_at})[:-1]
        open_, close = (b',"message":{"role":"assistant","content":', b"}") if chat else (b',"response":', b"")
        self._close = close
        self._before = head + open_
        self._nothing = head + open_ + b'""'
        self._after = close + b',"done":false}\n'
        self._logprobs = logprobs
        self._calls = _Calls()

    def text(self, event: TextDelta) -> bytes:
        before = self._flushed() if self._calls else b""
        if self._logprobs is not None:
            logprobs = on_one_line(from_logprobs(event.logprobs, self._logprobs))
            line = b'%b%b%b,"logprobs":%b,"done":false}\n'
            return before + line % (self._before, on_one_line(event.text), self._close, logprobs)
        return before + self._before + on_one_line(event.text) + self._after

    def thought(self, event: ReasoningDelta) -> bytes:
        before = self._flushed() if self._calls else b""
        return b'%b%b,"thinking":%b%b' % (before, self._nothing, on_one_line(event.text), self._after)

    def call(self, event: ToolCallDelta) -> bytes:
        """A call is sent when it is whole: when the next one begins, or something else comes."""
        before = self._flushed() if self._calls.begins(event) else b""
        self._calls.add(event)
        return before

    def end(self, event: Finished) -> bytes:
        ending = on_one_line(_ending(event))[1:]
        return b"%b%b%b,%b\n" % (self._flushed(), self._nothing, self._close, ending)

    def _flushed(self) -> bytes:
        call = self._calls.take()
        if call is None:
            return b""
        made, unreadable = from_call(call, self._calls.sent)
        if made is None:
            return self._before + on_one_line(unreadable) + self._after
        self._calls.sent += 1
        return b'%b,"tool_calls":%b%b' % (self._nothing, on_one_line([made]), self._after)


class _Calls:
    """The call that is coming, until it is whole."""

    def __init__(self) -> None:
        self.sent = 0
        self._number = -1
        self._begun: tuple[str, str] | None = None
        self._pieces: list[str] = []

    def __bool__(self) -> bool:
        return self._begun is not None

    def begins(self, event: ToolCallDelta) -> bool:
        return event.call != self._number

    def add(self, event: ToolCallDelta) -> None:
        if self.begins(event):
            self._number = event.call
            self._begun = (event.id or "", event.name or "")
            self._pieces = []
        self._pieces.append(event.arguments)

    def take(self) -> ToolCall | None:
        if self._begun is None:
            return None
        key, name = self._begun
        self._begun = None
        return ToolCall(key, name, "".join(self._pieces))


def from_call(call: ToolCall, index: int) -> tuple[dict[str, Any] | None, str]:
    """The call with its arguments as an object. One that was cut off has none, and is given as the text it is."""
    try:
        arguments = orjson.loads(call.arguments or "{}")
    except orjson.JSONDecodeError:
        arguments = None
    if not isinstance(arguments, dict):
        return None, f'{{"name": {orjson.dumps(call.name).decode()}, "arguments": {call.arguments}'
    return {"id": call.id, "function": {"index": index, "name": call.name, "arguments": arguments}}, ""


def from_logprobs(tokens: Sequence[TokenLogprob], top: int) -> list[dict[str, Any]]:
    if not top:
        return [_named(token) for token in tokens]
    return [{**_named(token), "top_logprobs": [_named(each) for each in token.alternatives[:top]]} for token in tokens]


def _named(token: TokenLogprob) -> dict[str, Any]:
    return {"token": token.token, "logprob": token.logprob, "bytes": list(token.token.encode())}


def _ending(event: Finished) -> dict[str, Any]:
    """`tool_calls` is no reason of Ollama's, where a model that calls has stopped."""
    timings = event.timings
    return {
        "done": True,
        "done_reason": "length" if event.reasons[0] == "length" else "stop",
        "total_duration": nanoseconds(timings.load_s + timings.first_token_s + timings.rest_s),
        "load_duration": nanoseconds(timings.load_s),
        "prompt_eval_count": event.usage.prompt_tokens,
        "prompt_eval_duration": nanoseconds(timings.first_token_s),
        "eval_count": event.usage.completion_tokens,
        "eval_duration": nanoseconds(timings.rest_s),
    }

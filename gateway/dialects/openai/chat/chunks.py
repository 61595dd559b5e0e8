"""A streamed chat completion: events in, the bytes of its chunks out. All that repeats is made once.

Pure: no HTTP, no clock. Knows OpenAI's form of a chunk.
"""

from __future__ import annotations

import orjson

from gateway.dialects.framing import SSE_CLOSE, SSE_DONE
from gateway.dialects.openai.chat.schemas import ChatCompletionRequest
from gateway.dialects.openai.chat.translate import from_logprobs
from gateway.dialects.openai.translate import chunk_head, from_usage
from gateway.domain.generation import Event, Finished, ReasoningDelta, TextDelta, ToolCallDelta

_OPEN = b'},"logprobs":null,"finish_reason":null}]'  # the end of a choice that goes on


class ChatChunks:
    """`of` gives the bytes of each event, none for what the client does not want; the last event ends the stream."""

    def __init__(self, wire: ChatCompletionRequest, *, answer_id: str, created: int) -> None:
        self._with_usage = bool(wire.stream_options and wire.stream_options.include_usage)
        self._with_logprobs = bool(wire.logprobs)
        self._with_reasoning = wire.include_reasoning is not False
        self._top = wire.top_logprobs
        self._head = chunk_head(answer_id, "chat.completion.chunk", created, wire.model)
        self._tail = b',"usage":null}' + SSE_CLOSE if self._with_usage else b"}" + SSE_CLOSE
        self._after = _OPEN + self._tail
        self._after_arguments = b"}}]" + self._after
        self._texts: dict[int, bytes] = {}  # by sequence: a chunk up to its text
        self._thoughts: dict[int, bytes] = {}  # by sequence: a chunk up to its reasoning
        self._calls: dict[tuple[int, int], bytes] = {}  # by sequence and call: a chunk up to its arguments

    def of(self, event: Event) -> bytes:
        if isinstance(event, TextDelta):
            before = self._texts.get(event.index)
            if before is None:
                return self._begin(event.index) + self.of(event)
            if self._with_logprobs:
                logprobs = orjson.dumps(from_logprobs(event.logprobs, self._top))
                end = b'},"logprobs":' + logprobs + b',"finish_reason":null}]' + self._tail
                return before + orjson.dumps(event.text) + end
            return before + orjson.dumps(event.text) + self._after
        if isinstance(event, ReasoningDelta):
            return self._reasoning(event) if self._with_reasoning else b""
        if isinstance(event, ToolCallDelta):
            return self._tool_call(event)
        return self._end(event)

    def _reasoning(self, event: ReasoningDelta) -> bytes:
        before = self._thoughts.get(event.index)
        if before is None:
            return self._begin(event.index) + self._reasoning(event)
        return before + orjson.dumps(event.text) + self._after

    def _tool_call(self, event: ToolCallDelta) -> bytes:
        before = self._calls.get((event.index, event.call))
        if before is not None:
            return before + orjson.dumps(event.arguments) + self._after_arguments
        begin = self._begin(event.index) if event.index not in self._texts else b""
        start = b'%b[{"index":%d,"delta":{"tool_calls":[{"index":%d,' % (self._head, event.index, event.call)
        self._calls[event.index, event.call] = start + b'"function":{"arguments":'
        return begin + b'%b"id":%b,"type":"function","function":{"name":%b,"arguments":%b%b' % (
            start,
            orjson.dumps(event.id or ""),
            orjson.dumps(event.name or ""),
            orjson.dumps(event.arguments),
            self._after_arguments,
        )

    def _begin(self, index: int) -> bytes:
        """The chunk that says who speaks."""
        choice = b'%b[{"index":%d,"delta":{' % (self._head, index)
        self._texts[index] = choice + b'"content":'
        self._thoughts[index] = choice + b'"reasoning_content":'
        return choice + b'"role":"assistant","content":"","refusal":null' + self._after

    def _end(self, event: Finished) -> bytes:
        """The last chunk of each sequence, the usage when it was asked for, and the end of the stream."""
        pieces = []
        for index, reason in enumerate(event.reasons):
            if index not in self._texts:
                pieces.append(self._begin(index))
            pieces.append(
                b'%b[{"index":%d,"delta":{},"logprobs":null,"finish_reason":"%b"}]%b'
                % (self._head, index, reason.encode(), self._tail)
            )
        if self._with_usage:
            usage = orjson.dumps(from_usage(event.usage))
            pieces.append(self._head + b'[],"usage":' + usage + b"}" + SSE_CLOSE)
        pieces.append(SSE_DONE)
        return b"".join(pieces)

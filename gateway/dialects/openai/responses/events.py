"""The events of one streamed response as bytes: items that open, grow and close. The same parts are made once.

Knows our events and OpenAI's; knows no HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from gateway.dialects.failures import Failure
from gateway.dialects.framing import SSE_CLOSE, sse_event, sse_event_open
from gateway.dialects.openai.responses.output import Output, OutputItem, Status, last_status
from gateway.dialects.openai.responses.translate import from_broken, from_finished
from gateway.domain.generation import Event, Finished, TextDelta

_DELTAS = {
    "message": "response.output_text",
    "reasoning": "response.reasoning_text",
    "function_call": "response.function_call_arguments",
}


class ResponseEvents:
    """`of` each event; the first brings the beginning of the stream and the last one, `Finished`, its end.

    `response` is the whole response when it is finished.
    """

    def __init__(self, response: Mapping[str, Any], output: Output, *, now: Callable[[], int], logprobs: bool) -> None:
        self.response = dict(response)
        self._output = output
        self._now = now
        self._with_logprobs = logprobs
        self._number = 0
        self._before = b""  # a delta of the open item up to its sequence number

    def of(self, event: Event) -> bytes:
        if not self._number:
            return self._begin() + self.of(event)
        if isinstance(event, Finished):
            return self._end(event)
        pieces = []
        if self._output.add(event):
            if len(self._output.items) > 1:
                pieces.append(self._close(self._output.items[-2], "completed"))
            pieces.append(self._open(self._output.items[-1]))
        if isinstance(event, TextDelta):
            if event.text or event.logprobs:
                pieces.append(self._text(event))
        elif text := self._output.items[-1].pieces[-1]:
            pieces.append(b'%b%d,"delta":%b}%b' % (self._before, self._next(), orjson.dumps(text), SSE_CLOSE))
        return b"".join(pieces)

    def broken(self, failure: Failure) -> bytes:
        """The last event of a stream that broke."""
        if not self._number:
            error = {"code": failure.code, "message": failure.message, "param": failure.param}
            return self._made("error", **error)
        return self._made("response.failed", response=from_broken(self.response, self._output, failure))

    def _begin(self) -> bytes:
        created = self._made("response.created", response=self.response)
        return created + self._made("response.in_progress", response=self.response)

    def _text(self, event: TextDelta) -> bytes:
        text, logprobs = orjson.dumps(event.text), b"[]"
        if self._with_logprobs:
            logprobs = orjson.dumps(self._output.logprobs(event.logprobs))
        return b'%b%d,"delta":%b,"logprobs":%b}%b' % (self._before, self._next(), text, logprobs, SSE_CLOSE)

    def _end(self, event: Finished) -> bytes:
        pieces = []
        if self._output.finish():
            pieces.append(self._open(self._output.items[-1]))
        pieces.append(self._close(self._output.items[-1], last_status(event)))
        self.response = from_finished(self.response, self._output, event, now=self._now())
        pieces.append(self._made(f"response.{self.response['status']}", response=self.response))
        return b"".join(pieces)

    def _open(self, item: OutputItem) -> bytes:
        name = f"{_DELTAS[item.kind]}.delta"
        place = self._place(item)
        constant = orjson.dumps({"type": name, **place})[:-1]
        self._before = sse_event_open(name) + constant + b',"sequence_number":'
        added = self._made("response.output_item.added", output_index=item.index, item=item.opened())
        if item.kind == "function_call":
            return added
        empty = OutputItem(item.kind, "", item.index).part([])
        return added + self._made("response.content_part.added", **place, part=empty)

    def _close(self, item: OutputItem, status: Status) -> bytes:
        whole = self._output.whole(item, status)
        name, place = f"{_DELTAS[item.kind]}.done", self._place(item)
        if item.kind == "function_call":
            pieces = [self._made(name, **place, name=whole["name"], arguments=whole["arguments"])]
        else:
            part = whole["content"][0]
            said = {name: part[name] for name in ("text", "logprobs") if name in part}
            pieces = [
                self._made(name, **place, **said),
                self._made("response.content_part.done", **place, part=part),
            ]
        pieces.append(self._made("response.output_item.done", output_index=item.index, item=whole))
        return b"".join(pieces)

    def _place(self, item: OutputItem) -> dict[str, Any]:
        place: dict[str, Any] = {"item_id": item.id, "output_index": item.index}
        return place if item.kind == "function_call" else {**place, "content_index": 0}

    def _made(self, kind: str, /, **content: Any) -> bytes:
        return sse_event(kind, {"type": kind, "sequence_number": self._next(), **content})

    def _next(self) -> int:
        self._number += 1
        return self._number - 1

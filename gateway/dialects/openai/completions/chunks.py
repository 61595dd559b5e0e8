"""Streamed text completions: events in, the bytes of their chunks out. All that repeats is made once.

Pure: no HTTP, no clock. Knows OpenAI's form of a chunk.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from gateway.dialects.framing import SSE_CLOSE, SSE_DONE
from gateway.dialects.openai.completions.schemas import CompletionRequest
from gateway.dialects.openai.completions.translate import from_logprobs
from gateway.dialects.openai.translate import chunk_head, from_usage
from gateway.domain.generation import Finished, GenerationRequest, TextDelta, Usage


class CompletionChunks:
    """The events of streamed completions as bytes; each prompt has `n` choices in a row."""

    def __init__(
        self, wire: CompletionRequest, prompts: Sequence[GenerationRequest], *, answer_id: str, created: int
    ) -> None:
        self._with_usage = bool(wire.stream_options and wire.stream_options.include_usage)
        self._logprobs = wire.logprobs
        self._n = wire.n or 1
        self._head = chunk_head(answer_id, "text_completion", created, wire.model)
        self._tail = b',"usage":null}' + SSE_CLOSE if self._with_usage else b"}" + SSE_CLOSE
        self._echoes = [str(request.prompt) for request in prompts] if wire.echo else []
        self._said: dict[int, int] = {}
        self._usage = Usage()

    def delta(self, prompt: int, event: TextDelta) -> bytes:
        choice = prompt * self._n + event.index
        begin = self._begin(prompt, choice)
        logprobs = b"null"
        if self._logprobs is not None:
            logprobs = orjson.dumps(from_logprobs(event.logprobs, self._logprobs, self._said[choice]))
            self._said[choice] += len(event.text)
        return begin + self._chunk(choice, event.text, logprobs, b"null")

    def end_of(self, prompt: int, event: Finished) -> bytes:
        """The last chunk of each choice of one prompt."""
        self._usage += event.usage
        pieces = []
        for index, reason in enumerate(event.reasons):
            choice = prompt * self._n + index
            pieces.append(self._begin(prompt, choice) + self._chunk(choice, "", b"null", b'"%b"' % reason.encode()))
        return b"".join(pieces)

    def end(self) -> bytes:
        if not self._with_usage:
            return SSE_DONE
        return self._head + b'[],"usage":' + orjson.dumps(from_usage(self._usage)) + b"}" + SSE_CLOSE + SSE_DONE

    def _begin(self, prompt: int, choice: int) -> bytes:
        if choice in self._said:
            return b""
        self._said[choice] = 0
        return self._chunk(choice, self._echoes[prompt], b"null", b"null") if self._echoes else b""

    def _chunk(self, choice: int, text: str, logprobs: bytes, reason: bytes) -> bytes:
        return b'%b[{"index":%d,"text":%b,"logprobs":%b,"finish_reason":%b}]%b' % (
            self._head,
            choice,
            orjson.dumps(text),
            logprobs,
            reason,
            self._tail,
        )

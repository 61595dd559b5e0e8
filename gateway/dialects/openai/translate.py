"""OpenAI's words to ours and back. Pure: no HTTP, no clock, no randomness.

`to_*` read what came over the wire; `from_*` and the `*Chunks` write what goes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from gateway.dialects.collecting import Whole
from gateway.dialects.failures import Failure
from gateway.dialects.framing import SSE_CLOSE, SSE_DONE, SSE_OPEN, sse
from gateway.dialects.openai.schemas import ChatCompletionRequest, ChatMessage, CompletionRequest
from gateway.domain.content import Message, Text
from gateway.domain.generation import Finished, GenerationRequest, Sampling, TextDelta, TokenLogprob, Usage
from gateway.domain.ports import ServedModel

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def to_generation(wire: ChatCompletionRequest) -> GenerationRequest:
    return GenerationRequest(
        wire.model,
        tuple(_message(each) for each in wire.messages),
        _sampling(
            wire,
            max_tokens=wire.max_completion_tokens or wire.max_tokens,
            logprobs=(wire.top_logprobs or 0) if wire.logprobs else None,
        ),
        bool(wire.stream),
    )


def to_generations(wire: CompletionRequest) -> list[GenerationRequest]:
    """One request for each prompt."""
    prompts = [wire.prompt] if isinstance(wire.prompt, str) else wire.prompt
    sampling = _sampling(wire, max_tokens=wire.max_tokens, logprobs=wire.logprobs)
    return [GenerationRequest(wire.model, prompt, sampling, bool(wire.stream)) for prompt in prompts]


def _message(wire: ChatMessage) -> Message:
    if isinstance(wire.content, str):
        return Message(wire.role, (Text(wire.content),), wire.name)
    return Message(wire.role, tuple(Text(part.text) for part in wire.content), wire.name)


def _sampling(
    wire: ChatCompletionRequest | CompletionRequest, *, max_tokens: int | None, logprobs: int | None
) -> Sampling:
    stop = (wire.stop,) if isinstance(wire.stop, str) else tuple(wire.stop or ())
    return Sampling(
        n=wire.n,
        temperature=wire.temperature,
        top_p=wire.top_p,
        top_k=wire.top_k,
        min_p=wire.min_p,
        max_tokens=max_tokens,
        min_tokens=wire.min_tokens,
        stop=stop or None,
        # Engines want no negative seed; OpenAI's is any 64-bit number.
        seed=None if wire.seed is None else wire.seed & (2**63 - 1),
        presence_penalty=wire.presence_penalty,
        frequency_penalty=wire.frequency_penalty,
        repetition_penalty=wire.repetition_penalty,
        logit_bias=wire.logit_bias or None,
        logprobs=logprobs,
        ignore_eos=wire.ignore_eos,
    )


def from_whole(whole: Whole, wire: ChatCompletionRequest, *, answer_id: str, created: int) -> dict[str, Any]:
    return {
        "id": answer_id,
        "object": "chat.completion",
        "created": created,
        "model": wire.model,
        "choices": [
            {
                "index": index,
                "message": {"role": "assistant", "content": sequence.text, "refusal": None},
                "logprobs": _chat_logprobs(sequence.logprobs, wire.top_logprobs) if wire.logprobs else None,
                "finish_reason": whole.finished.reasons[index],
            }
            for index, sequence in enumerate(whole.sequences)
        ],
        "usage": _usage(whole.finished.usage),
    }


def from_wholes(
    wholes: Sequence[Whole],
    requests: Sequence[GenerationRequest],
    wire: CompletionRequest,
    *,
    answer_id: str,
    created: int,
) -> dict[str, Any]:
    """The choices of each prompt one after the other, as OpenAI numbers them."""
    choices: list[dict[str, Any]] = []
    usage = Usage()
    for whole, request in zip(wholes, requests, strict=True):
        usage += whole.finished.usage
        before = str(request.prompt) if wire.echo else ""
        for sequence, reason in zip(whole.sequences, whole.finished.reasons, strict=True):
            logprobs = None
            if wire.logprobs is not None:
                logprobs = _completion_logprobs(sequence.logprobs, wire.logprobs, 0)
            choices.append(
                {
                    "index": len(choices),
                    "text": before + sequence.text,
                    "logprobs": logprobs,
                    "finish_reason": reason,
                }
            )
    return {
        "id": answer_id,
        "object": "text_completion",
        "created": created,
        "model": wire.model,
        "choices": choices,
        "usage": _usage(usage),
    }


class ChatChunks:
    """The events of one streamed chat completion as bytes. All that is the same in each chunk is made once."""

    def __init__(self, wire: ChatCompletionRequest, *, answer_id: str, created: int) -> None:
        self._with_usage = bool(wire.stream_options and wire.stream_options.include_usage)
        self._with_logprobs = bool(wire.logprobs)
        self._top = wire.top_logprobs
        self._head = _head(answer_id, "chat.completion.chunk", created, wire.model)
        self._tail = b',"usage":null}' + SSE_CLOSE if self._with_usage else b"}" + SSE_CLOSE
        self._begun: dict[int, tuple[bytes, bytes]] = {}

    def delta(self, event: TextDelta) -> bytes:
        index = event.index
        if index not in self._begun:
            return self._begin(index) + self.delta(event)
        before, after = self._begun[index]
        if self._with_logprobs:
            logprobs = orjson.dumps(_chat_logprobs(event.logprobs, self._top))
            after = b'},"logprobs":' + logprobs + b',"finish_reason":null}]' + self._tail
        return before + orjson.dumps(event.text) + after

    def end(self, event: Finished) -> bytes:
        """The last chunk of each sequence, the usage when it was asked for, and the end of the stream."""
        pieces = []
        for index, reason in enumerate(event.reasons):
            if index not in self._begun:
                pieces.append(self._begin(index))
            pieces.append(
                b'%b[{"index":%d,"delta":{},"logprobs":null,"finish_reason":"%b"}]%b'
                % (self._head, index, reason.encode(), self._tail)
            )
        if self._with_usage:
            usage = orjson.dumps(_usage(event.usage))
            pieces.append(self._head + b'[],"usage":' + usage + b"}" + SSE_CLOSE)
        pieces.append(SSE_DONE)
        return b"".join(pieces)

    def _begin(self, index: int) -> bytes:
        before = b'%b[{"index":%d,"delta":{"content":' % (self._head, index)
        self._begun[index] = (before, b'},"logprobs":null,"finish_reason":null}]' + self._tail)
        return (
            b'%b[{"index":%d,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,'
            b'"finish_reason":null}]%b' % (self._head, index, self._tail)
        )


class CompletionChunks:
    """The events of streamed completions as bytes; each prompt has `n` choices in a row."""

    def __init__(
        self, wire: CompletionRequest, prompts: Sequence[GenerationRequest], *, answer_id: str, created: int
    ) -> None:
        self._with_usage = bool(wire.stream_options and wire.stream_options.include_usage)
        self._logprobs = wire.logprobs
        self._n = wire.n or 1
        self._head = _head(answer_id, "text_completion", created, wire.model)
        self._tail = b',"usage":null}' + SSE_CLOSE if self._with_usage else b"}" + SSE_CLOSE
        self._echoes = [str(request.prompt) for request in prompts] if wire.echo else []
        self._said: dict[int, int] = {}
        self._usage = Usage()

    def delta(self, prompt: int, event: TextDelta) -> bytes:
        choice = prompt * self._n + event.index
        begin = self._begin(prompt, choice)
        logprobs = b"null"
        if self._logprobs is not None:
            logprobs = orjson.dumps(_completion_logprobs(event.logprobs, self._logprobs, self._said[choice]))
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
        return self._head + b'[],"usage":' + orjson.dumps(_usage(self._usage)) + b"}" + SSE_CLOSE + SSE_DONE

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


def _head(answer_id: str, kind: str, created: int, model: str) -> bytes:
    """A chunk up to its choices."""
    envelope = {"id": answer_id, "object": kind, "created": created, "model": model}
    return SSE_OPEN + orjson.dumps(envelope)[:-1] + b',"choices":'


def _usage(usage: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def _chat_logprobs(tokens: Sequence[TokenLogprob], top: int | None) -> dict[str, Any]:
    content = [
        {**_named(token), "top_logprobs": [_named(each) for each in token.alternatives[: top or 0]]} for token in tokens
    ]
    return {"content": content, "refusal": None}


def _named(token: TokenLogprob) -> dict[str, Any]:
    return {"token": token.token, "logprob": token.logprob, "bytes": list(token.token.encode())}


def _completion_logprobs(tokens: Sequence[TokenLogprob], top: int, offset: int) -> dict[str, Any]:
    offsets = []
    for token in tokens:
        offsets.append(offset)
        offset += len(token.token)
    return {
        "tokens": [token.token for token in tokens],
        "token_logprobs": [token.logprob for token in tokens],
        "top_logprobs": [{each.token: each.logprob for each in token.alternatives[:top]} for token in tokens]
        if top
        else None,
        "text_offset": offsets,
    }


def from_model(model: ServedModel) -> dict[str, Any]:
    return {"id": model.name, "object": "model", "created": model.created, "owned_by": "modelyard"}


def from_failure(failure: Failure) -> dict[str, Any]:
    """OpenAI's error object."""
    kind = _TYPES.get(failure.status, "invalid_request_error" if failure.status < 500 else "server_error")
    return {"error": {"message": failure.message, "type": kind, "param": failure.param, "code": failure.code}}


def last_words(failure: Failure) -> bytes:
    """The event that ends a stream which broke; no [DONE] follows."""
    return sse(from_failure(failure))

"""Text completions: OpenAI's words to ours and back. Pure: no HTTP, no clock, no randomness.

`to_*` read what came over the wire; `from_*` write what goes back. A stream's chunks are in chunks.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.dialects.collecting import Whole
from gateway.dialects.openai.completions.schemas import CompletionRequest
from gateway.dialects.openai.sampled import names_of_shape, to_sampling
from gateway.dialects.openai.translate import from_usage
from gateway.domain.generation import GenerationRequest, TokenLogprob, Tokens, Usage


def to_generations(wire: CompletionRequest) -> list[GenerationRequest]:
    """One request for each prompt. Raises InvalidInput where fields contradict."""
    sampling = to_sampling(wire, max_tokens=wire.max_tokens, logprobs=wire.logprobs)
    return [GenerationRequest(wire.model, prompt, sampling, bool(wire.stream)) for prompt in _prompts(wire)]


def names_of(wire: CompletionRequest) -> dict[str, str]:
    """Fields of the engine's as this client sent them, for what the engine refuses."""
    return names_of_shape(wire) | {"token_ids": "prompt"}


def _prompts(wire: CompletionRequest) -> list[str | Tokens]:
    if isinstance(wire.prompt, str):
        return [wire.prompt]
    ids = tuple(each for each in wire.prompt if isinstance(each, int))
    if ids:
        return [Tokens(ids)]
    return [each if isinstance(each, str) else Tokens(tuple(each)) for each in wire.prompt if not isinstance(each, int)]


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
                logprobs = from_logprobs(sequence.logprobs, wire.logprobs, 0)
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
        "usage": from_usage(usage),
    }


def from_logprobs(tokens: Sequence[TokenLogprob], top: int, offset: int) -> dict[str, Any]:
    """`offset` is the length of the text before the first of these tokens."""
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

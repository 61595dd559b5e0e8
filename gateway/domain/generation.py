"""One request for text and the events of its answer: what every dialect translates to and from.

Knows neither HTTP nor tensors. What a client did not send is None, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from gateway.domain.content import Message

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen and when the answer ends, by vLLM's names of SamplingParams; None is "as the model likes".

    `logprobs` is how many alternatives to report beside the chosen token: 0 is the chosen one alone, None is nothing.
    """

    n: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    max_tokens: int | None = None
    min_tokens: int | None = None
    stop: tuple[str, ...] | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    repetition_penalty: float | None = None
    logit_bias: Mapping[str, float] | None = None
    logprobs: int | None = None
    ignore_eos: bool | None = None
    lora_name: str | None = None


@dataclass(frozen=True)
class GenerationRequest:
    """`prompt` is text for the model as it stands, or messages to be put through the model's chat template."""

    model: str
    prompt: str | tuple[Message, ...]
    sampling: Sampling = field(default_factory=Sampling)
    stream: bool = False


@dataclass(frozen=True)
class Usage:
    """Tokens read and tokens written, over all sequences of one prompt."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.prompt_tokens + other.prompt_tokens, self.completion_tokens + other.completion_tokens)


@dataclass(frozen=True)
class TokenLogprob:
    """A token and its logarithmic probability; `alternatives` are the likeliest at its place, when asked for."""

    token: str
    logprob: float
    alternatives: tuple[TokenLogprob, ...] = ()


# The two events are plain slotted classes: one is made per response of the engine, and a frozen dataclass costs
# four times as much to make.
class TextDelta:
    """The next piece of sequence number `index`."""

    __slots__ = ("index", "logprobs", "text")

    def __init__(self, text: str, index: int = 0, logprobs: tuple[TokenLogprob, ...] = ()) -> None:
        self.text = text
        self.index = index
        self.logprobs = logprobs

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TextDelta):
            return NotImplemented
        return (self.text, self.index, self.logprobs) == (other.text, other.index, other.logprobs)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"TextDelta({self.text!r}, index={self.index}, logprobs={self.logprobs!r})"


@dataclass(frozen=True)
class Finished:
    """The last event: why each sequence ended, and what it took."""

    reasons: tuple[FinishReason, ...]
    usage: Usage


Event = TextDelta | Finished

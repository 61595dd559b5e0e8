"""One request for text and the events of its answer: what every dialect translates to and from.

Knows neither HTTP nor tensors. What a client did not send is None, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gateway.domain.content import Message

FinishReason = Literal["stop", "length", "tool_calls"]


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen and when the answer ends, by vLLM's names of SamplingParams; None is "as the model likes".

    `logprobs` is how many alternatives to report beside the chosen token: 0 is the chosen one alone, None is nothing.
    `structured_outputs` is one of {"json": schema}, {"json_object": true}, {"regex": text}, {"choice": [texts]} and
    {"grammar": text}: the answer keeps to it by the engine's guided generation.
    """

    n: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    max_tokens: int | None = None
    min_tokens: int | None = None
    stop: tuple[str, ...] | None = None
    stop_token_ids: tuple[int, ...] | None = None
    include_stop_str_in_output: bool | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    repetition_penalty: float | None = None
    logit_bias: Mapping[str, float] | None = None
    logprobs: int | None = None
    ignore_eos: bool | None = None
    skip_special_tokens: bool | None = None
    structured_outputs: Mapping[str, Any] | None = None
    lora_name: str | None = None


@dataclass(frozen=True)
class Tool:
    """A function that the model may ask to be called. `parameters` is the JSON Schema of its arguments.

    `strict`: the arguments must keep to the schema.
    """

    name: str
    description: str | None = None
    parameters: Mapping[str, Any] | None = None
    strict: bool = False


@dataclass(frozen=True)
class ToolChoice:
    """auto: the model decides. none: it calls nothing. required: at least one call, and only `name` where given."""

    mode: Literal["auto", "none", "required"] = "auto"
    name: str | None = None


@dataclass(frozen=True)
class Thinking:
    """How a model that thinks before it answers is to do so. `enabled` None is as its template does by itself.

    `effort` is a word of the template's (low, medium, high). `split`: what it thought comes as ReasoningDelta and not
    as text.
    """

    enabled: bool | None = None
    effort: str | None = None
    split: bool = True


@dataclass(frozen=True)
class Tokens:
    """A prompt in token ids of the model's own tokenizer."""

    ids: tuple[int, ...]


@dataclass(frozen=True)
class GenerationRequest:
    """`prompt` is text or tokens for the model as they stand, or messages for the model's chat template.

    `images` belong to a prompt of text; those of messages are among their parts. `template` takes the place of the
    model's own chat template, and `template_arguments` are further variables of it. `continues`: the last message is
    the beginning of the answer, which goes on from there. `keep_alive_s` is how long the model stays loaded after the
    answer: 0 is no longer, infinity for ever, None as configured.
    """

    model: str
    prompt: str | Tokens | tuple[Message, ...]
    sampling: Sampling = field(default_factory=Sampling)
    stream: bool = False
    images: tuple[bytes, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = field(default_factory=ToolChoice)
    parallel_tool_calls: bool = True
    thinking: Thinking = field(default_factory=Thinking)
    continues: bool = False
    template: str | None = None
    template_arguments: Mapping[str, Any] = field(default_factory=dict)
    keep_alive_s: float | None = None


@dataclass(frozen=True)
class Usage:
    """Tokens read and tokens written, over all sequences of one prompt."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.prompt_tokens + other.prompt_tokens, self.completion_tokens + other.completion_tokens)


@dataclass(frozen=True)
class Timings:
    """Seconds: until the model was loaded, from there to the first event, from there to the end."""

    load_s: float = 0.0
    first_token_s: float = 0.0
    rest_s: float = 0.0


@dataclass(frozen=True)
class TokenLogprob:
    """A token and its logarithmic probability; `alternatives` are the likeliest at its place, when asked for."""

    token: str
    logprob: float
    alternatives: tuple[TokenLogprob, ...] = ()


# The deltas are plain slotted classes: one is made per response of the engine, and a frozen dataclass costs four
# times as much to make.
class _Delta:
    __slots__: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self.__slots__)})"


class TextDelta(_Delta):
    """The next piece of sequence number `index`."""

    __slots__ = ("index", "logprobs", "text")

    def __init__(self, text: str, index: int = 0, logprobs: tuple[TokenLogprob, ...] = ()) -> None:
        self.text = text
        self.index = index
        self.logprobs = logprobs


class ReasoningDelta(_Delta):
    """The next piece of what sequence number `index` thinks before it answers."""

    __slots__ = ("index", "text")

    def __init__(self, text: str, index: int = 0) -> None:
        self.text = text
        self.index = index


class ToolCallDelta(_Delta):
    """The next piece of call number `call` (from 0) of sequence number `index`.

    The first piece of a call has its `id` and `name`, the others None; `arguments` is the next piece of JSON text.
    """

    __slots__ = ("arguments", "call", "id", "index", "name")

    def __init__(
        self, call: int, arguments: str, *, id: str | None = None, name: str | None = None, index: int = 0
    ) -> None:
        self.call = call
        self.arguments = arguments
        self.id = id
        self.name = name
        self.index = index


@dataclass(frozen=True)
class Finished:
    """The last event: why each sequence ended, and what it took."""

    reasons: tuple[FinishReason, ...]
    usage: Usage
    timings: Timings = field(default_factory=Timings, compare=False)


Event = TextDelta | ReasoningDelta | ToolCallDelta | Finished
EngineEvent = TextDelta | Finished  # what an engine itself gives

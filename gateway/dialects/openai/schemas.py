"""OpenAI's words: the bodies that come in and go out, as its API reference has them.

Types and ranges only; what a field does is said in its description. Unknown fields are refused by name.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.dialects.openai.refused import CHAT_REFUSED, COMPLETION_REFUSED, MESSAGE_REFUSED
from gateway.dialects.refusals import Refusal, without_refused
from gateway.dialects.text import NonEmpty, Text
from modelyard.errors import FieldRefused

_NO_EFFECT = "Accepted; has no effect here."
_MAX_INT = 2**31 - 1

Bias = Annotated[float, Field(ge=-100, le=100)]


class _Wire(BaseModel):
    # strict: "0.5" is not a number. hide_input: what users write is not repeated in errors.
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True)


class StreamOptions(_Wire):
    include_usage: bool | None = Field(None, description="Send the usage in a last chunk that has no choices.")
    include_obfuscation: bool | None = Field(None, description=_NO_EFFECT)


class _Sampled(_Wire):
    model: NonEmpty = Field(description="Name of a served model.")
    stream: bool | None = Field(None, description="Answer as server-sent events.")
    stream_options: StreamOptions | None = None
    n: int | None = Field(None, ge=1, le=128, description="How many answers.")
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    max_tokens: int | None = Field(None, ge=1, le=_MAX_INT, description="Unset: what the model's context has room for.")
    stop: NonEmpty | list[NonEmpty] | None = Field(None, description="Texts that end the answer; any number of them.")
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    logit_bias: dict[str, Bias] | None = Field(None, description="Token ids to biases; refused by engines without it.")
    top_k: int | None = Field(None, ge=-1, le=_MAX_INT, description="vLLM's extension.")
    min_p: float | None = Field(None, ge=0, le=1, description="vLLM's extension.")
    repetition_penalty: float | None = Field(None, gt=0, le=100, description="vLLM's extension.")
    min_tokens: int | None = Field(None, ge=0, le=_MAX_INT, description="vLLM's extension.")
    ignore_eos: bool | None = Field(None, description="vLLM's extension.")
    user: str | None = Field(None, description=_NO_EFFECT)

    @model_validator(mode="after")
    def _options_need_a_stream(self) -> _Sampled:
        if self.stream_options is not None and not self.stream:
            raise FieldRefused("stream_options", "it needs stream to be true")
        return self


class TextPart(_Wire):
    type: Literal["text"]
    text: Text


class ChatMessage(_Wire):
    role: Literal["system", "developer", "user", "assistant"]
    content: Text | Annotated[list[TextPart], Field(min_length=1)]
    name: Text | None = None


class ChatCompletionRequest(_Sampled):
    messages: list[ChatMessage] = Field(min_length=1)
    max_completion_tokens: int | None = Field(None, ge=1, le=_MAX_INT, description="OpenAI's newer name of max_tokens.")
    logprobs: bool | None = Field(None, description="Give each token's logarithmic probability.")
    top_logprobs: int | None = Field(None, ge=0, le=20, description="Alternatives at each place; needs logprobs.")
    parallel_tool_calls: bool | None = Field(None, description=_NO_EFFECT)
    metadata: dict[str, str] | None = Field(None, description=_NO_EFFECT)
    safety_identifier: str | None = Field(None, description=_NO_EFFECT)
    prompt_cache_key: str | None = Field(None, description=_NO_EFFECT)
    prompt_cache_retention: str | None = Field(None, description=_NO_EFFECT)

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, given: Any) -> Any:
        given = without_refused(given, CHAT_REFUSED)
        if isinstance(given, dict) and isinstance(given.get("messages"), list):
            given["messages"] = [_checked_message(f"messages[{i}]", each) for i, each in enumerate(given["messages"])]
        return given

    @model_validator(mode="after")
    def _fields_agree(self) -> ChatCompletionRequest:
        if self.top_logprobs is not None and not self.logprobs:
            raise FieldRefused("top_logprobs", "it needs logprobs to be true")
        if self.max_tokens is not None and self.max_completion_tokens not in (None, self.max_tokens):
            raise FieldRefused("max_tokens", "max_completion_tokens says otherwise")
        return self


class CompletionRequest(_Sampled):
    prompt: Text | list[Text] = Field(description="A text, or several that are answered side by side.")
    echo: bool | None = Field(None, description="Put the prompt before the answer.")
    logprobs: int | None = Field(None, ge=0, le=20, description="Give logarithmic probabilities of so many tokens.")

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, given: Any) -> Any:
        prompt = given.get("prompt") if isinstance(given, dict) else None
        if isinstance(prompt, list) and any(isinstance(each, int | list) for each in prompt):
            raise FieldRefused("prompt", "tokens are not taken, send text")
        if isinstance(prompt, list) and not 1 <= len(prompt) <= MAX_PROMPTS:
            raise FieldRefused("prompt", f"a list must have 1 to {MAX_PROMPTS} texts")
        table = COMPLETION_REFUSED
        if isinstance(given, dict) and given.get("best_of") == given.get("n"):
            table = table | {"best_of": Refusal(table["best_of"].why, (None, given.get("best_of")))}
        return without_refused(given, table)

    @model_validator(mode="after")
    def _fields_agree(self) -> CompletionRequest:
        if self.echo and self.logprobs is not None:
            raise FieldRefused("echo", "the logprobs of a prompt are not known")
        return self


MAX_PROMPTS = 256


def _checked_message(where: str, given: Any) -> Any:
    """A message less the fields that ask for nothing. Raises FieldRefused for what only tools and pictures need."""
    if not isinstance(given, dict):
        return given
    if given.get("role") in ("tool", "function"):
        raise FieldRefused(f"{where}.role", f"'{given['role']}' belongs to tool calls, which are not supported yet")
    parts = given.get("content")
    for place, part in enumerate(parts if isinstance(parts, list) else ()):
        kind = part.get("type") if isinstance(part, dict) else None
        if isinstance(kind, str) and kind != "text":
            raise FieldRefused(f"{where}.content[{place}].type", f"'{kind}' is not text, which is all this model reads")
    return without_refused(given, MESSAGE_REFUSED, where=where)


class Usage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class TopLogprob(BaseModel):
    token: str
    logprob: float
    bytes: list[int] | None


class TokenLogprob(TopLogprob):
    top_logprobs: list[TopLogprob]


class ChoiceLogprobs(BaseModel):
    content: list[TokenLogprob] | None
    refusal: None = None


class AssistantMessage(BaseModel):
    role: Literal["assistant"]
    content: str
    refusal: None = None


class ChatChoice(BaseModel):
    index: int
    message: AssistantMessage
    logprobs: ChoiceLogprobs | None
    finish_reason: Literal["stop", "length"]


class ChatCompletion(BaseModel):
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoice]
    usage: Usage


class CompletionLogprobs(BaseModel):
    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]] | None
    text_offset: list[int]


class CompletionChoice(BaseModel):
    index: int
    text: str
    logprobs: CompletionLogprobs | None
    finish_reason: Literal["stop", "length"]


class Completion(BaseModel):
    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: Usage


class Model(BaseModel):
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "modelyard"


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[Model]


class ErrorDetail(BaseModel):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    error: ErrorDetail

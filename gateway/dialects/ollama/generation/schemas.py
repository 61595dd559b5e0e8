"""Ollama's bodies of /api/generate and /api/chat, as its API reference has them.

Types and ranges only. Unknown fields are refused by name.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema, model_validator

from gateway.dialects.ollama.durations import KeepAlive
from gateway.dialects.ollama.generation.options import Options
from gateway.dialects.ollama.wire import Wire
from gateway.dialects.refusals import Refusal, without_refused
from gateway.dialects.text import NonEmpty, Text
from modelyard.errors import FieldRefused

_NEVER_CUT = "a conversation that is too long is refused and never cut"
REFUSED = {
    "truncate": Refusal(_NEVER_CUT, (None, False)),
    "shift": Refusal("an answer ends where the context is full", (None, False)),
    "_debug_render_only": Refusal("prompts are not shown", (None, False)),
}
_PICTURES = "pictures are made by /v1/images/generations"
GENERATE_REFUSED = REFUSED | {
    "suffix": Refusal("text cannot be inserted before a suffix", (None, "")),
    "context": Refusal("token ids of an earlier answer are not taken; send messages to /api/chat", (None, [])),
    "width": Refusal(_PICTURES, (None, 0)),
    "height": Refusal(_PICTURES, (None, 0)),
    "steps": Refusal(_PICTURES, (None, 0)),
}


def _bytes_of(given: Any) -> bytes:
    if not isinstance(given, str):
        raise ValueError("it must be base64 of a picture")
    try:
        data = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("it must be base64 of a picture") from None
    if not data:
        raise ValueError("it is empty")
    return data


Picture = Annotated[bytes, BeforeValidator(_bytes_of), WithJsonSchema({"type": "string", "format": "byte"})]


class Asking(Wire):
    """What both have."""

    model: NonEmpty = Field(description="Name of a served model; ':latest' may follow it.")
    stream: bool | None = Field(None, description="Answer line by line; unset is true.")
    format: Literal["", "json"] | dict[str, Any] | None = Field(
        None, description="'json', or a JSON schema that the answer keeps to."
    )
    think: bool | Literal["low", "medium", "high"] | None = Field(
        None, description="Whether, and how hard, a model that can thinks first."
    )
    keep_alive: KeepAlive | None = Field(None, description="How long the model stays loaded: '5m', seconds, -1, 0.")
    options: Options | None = None
    logprobs: bool | None = Field(None, description="Give each token's logarithmic probability.")
    top_logprobs: int | None = Field(None, ge=0, le=20, description="Alternatives at each place; needs logprobs.")

    @model_validator(mode="after")
    def _top_needs_logprobs(self) -> Asking:
        if self.top_logprobs and not self.logprobs:
            raise FieldRefused("top_logprobs", "it needs logprobs to be true")
        return self

    @property
    def streams(self) -> bool:
        return self.stream is not False


class GenerateRequest(Asking):
    prompt: Text | None = Field(None, description="Without one the model is loaded, or with keep_alive 0 unloaded.")
    images: list[Picture] | None = Field(None, description="For models that see, in base64.")
    system: Text | None = Field(None, description="Instead of the model's own system message.")
    template: Text | None = Field(None, description="Instead of the model's own chat template: Jinja, or plain Go.")
    raw: bool | None = Field(None, description="The prompt goes to the model as it stands.")

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, given: Any) -> Any:
        return without_refused(given, GENERATE_REFUSED)

    @model_validator(mode="after")
    def _raw_is_raw(self) -> GenerateRequest:
        for name in ("system", "template"):
            if self.raw and getattr(self, name):
                raise FieldRefused(name, "with raw the prompt goes to the model as it stands")
        return self

    @property
    def asks_nothing(self) -> bool:
        return not self.prompt and not self.images


class CalledFunction(Wire):
    name: NonEmpty
    arguments: dict[str, Any] | None = None
    index: int | None = Field(None, description="The calls are in their order anyway.")
    description: Text | None = Field(None, description="Belongs to the tool; not shown to the model again.")


class Call(Wire):
    function: CalledFunction
    id: Text | None = None
    type: Literal["function"] | None = None


class ChatMessage(Wire):
    role: Literal["system", "user", "assistant", "tool"]
    content: Text | None = None
    images: list[Picture] | None = None
    thinking: Text | None = Field(None, description="What the assistant thought before it said this.")
    tool_calls: list[Call] | None = Field(None, description="What the assistant called.")
    tool_name: Text | None = Field(None, description="The tool whose result this is.")
    tool_call_id: Text | None = Field(None, description="The call whose result this is.")

    @model_validator(mode="after")
    def _belongs_to_the_role(self) -> ChatMessage:
        for name, role in (("tool_name", "tool"), ("tool_call_id", "tool"), ("tool_calls", "assistant")):
            if getattr(self, name) and self.role != role:
                raise ValueError(f"{name} belongs to messages of the role '{role}'")
        if self.thinking and self.role != "assistant":
            raise ValueError("thinking belongs to messages of the role 'assistant'")
        return self


class ToolFunction(Wire):
    name: NonEmpty
    description: Text | None = None
    parameters: dict[str, Any] | None = Field(None, description="JSON Schema of the arguments.")


class Tool(Wire):
    type: Literal["function"] | None = None
    function: ToolFunction


class ChatRequest(Asking):
    messages: list[ChatMessage] | None = Field(
        None, description="Without any the model is loaded, or with keep_alive 0 unloaded."
    )
    tools: list[Tool] | None = Field(None, description="Functions that the model may ask to be called.")

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, given: Any) -> Any:
        return without_refused(given, REFUSED)

    @property
    def asks_nothing(self) -> bool:
        return not self.messages


class TokenLogprob(BaseModel):
    token: str
    logprob: float
    bytes: list[int]


class Logprob(TokenLogprob):
    top_logprobs: list[TokenLogprob] | None = None


class Answered(BaseModel):
    """What both answers have; durations are nanoseconds, and with the counts come at the end only."""

    model: str
    created_at: str
    done: bool
    done_reason: Literal["stop", "length", "load", "unload"] | None = None
    total_duration: int | None = None
    load_duration: int | None = None
    prompt_eval_count: int | None = None
    prompt_eval_duration: int | None = None
    eval_count: int | None = None
    eval_duration: int | None = None
    logprobs: list[Logprob] | None = None


class GenerateResponse(Answered):
    response: str
    thinking: str | None = None


class AnsweredFunction(BaseModel):
    index: int
    name: str
    arguments: dict[str, Any]


class AnsweredCall(BaseModel):
    id: str
    function: AnsweredFunction


class AnsweredMessage(BaseModel):
    role: Literal["assistant"]
    content: str
    thinking: str | None = None
    tool_calls: list[AnsweredCall] | None = None


class ChatResponse(Answered):
    message: AnsweredMessage

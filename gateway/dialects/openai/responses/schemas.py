"""The bodies of responses that come in and go out, as OpenAI's API reference has them.

Types and ranges only; what a field does is said in its description. Unknown fields are refused by name.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints, model_validator

from gateway.dialects.openai.chat.schemas import Effort
from gateway.dialects.openai.chat.tools import MAX_TOOLS
from gateway.dialects.openai.responses.items import Item, check_items, without_refused_parts
from gateway.dialects.openai.responses.refused import REASONING_REFUSED, RESPONSES_REFUSED, STREAM_OPTIONS_REFUSED
from gateway.dialects.openai.responses.tools import Choice, FunctionTool, TextConfig, without_refused_tools
from gateway.dialects.openai.sampled import LABEL
from gateway.dialects.openai.schemas import MAX_INT
from gateway.dialects.openai.wire import Wire
from gateway.dialects.refusals import without_refused
from gateway.dialects.text import NonEmpty, Text
from modelyard.errors import FieldRefused, InvalidInput

LOGPROBS = "message.output_text.logprobs"
# Thoughts are not encrypted, so they can be sent back as they come; addresses of pictures are always listed.
INCLUDED = (LOGPROBS, "reasoning.encrypted_content", "message.input_image.image_url")
Key = Annotated[str, StringConstraints(max_length=64)]
Value = Annotated[Text, StringConstraints(max_length=512)]


class StreamOptions(Wire):
    """Nothing that can be turned on."""


class Reasoning(Wire):
    effort: Effort | None = Field(
        None,
        description="none turns thinking off; minimal is low, xhigh and max are high, for templates that have levels.",
    )


class ResponseRequest(Wire):
    model: NonEmpty = Field(description="Name of a served model.")
    input: Text | list[Item] | None = Field(None, description="A user's text, or items of a conversation.")
    instructions: Text | None = Field(None, description="A system message before all; it is not carried over.")
    previous_response_id: NonEmpty | None = Field(None, description="A stored response that this one goes on from.")
    store: bool | None = Field(None, description="Unset: true, where the service keeps responses.")
    stream: bool | None = Field(None, description="Answer as server-sent events.")
    stream_options: StreamOptions | None = None
    max_output_tokens: int | None = Field(
        None, ge=1, le=MAX_INT, description="Unset: what the model's context has room for."
    )
    max_tool_calls: int | None = Field(None, ge=1, le=MAX_INT, description="Of built-in tools, which are none.")
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    top_logprobs: int | None = Field(None, ge=0, le=20, description=f"Alternatives at each place; needs {LOGPROBS}.")
    include: list[Text] | None = Field(None, description=f"{LOGPROBS} gives each token's logarithmic probability.")
    tools: list[FunctionTool] | None = Field(None, max_length=MAX_TOOLS, description="Functions the model may call.")
    tool_choice: Choice | None = Field(None, description="auto unless set; allowed_tools shows the model only those.")
    parallel_tool_calls: bool | None = Field(None, description="false: at most one call in an answer.")
    text: TextConfig | None = None
    reasoning: Reasoning | None = None
    metadata: dict[Key, Value] | None = Field(None, max_length=16, description="Kept and answered with the response.")
    user: Text | None = Field(None, description=LABEL)
    safety_identifier: Text | None = Field(None, description=LABEL)
    prompt_cache_key: Text | None = Field(None, description="Prompts that begin alike share the engine's cache anyway.")

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        given = without_refused_tools(without_refused(given, RESPONSES_REFUSED))
        for name, table in (("reasoning", REASONING_REFUSED), ("stream_options", STREAM_OPTIONS_REFUSED)):
            if name in given:
                given[name] = without_refused(given[name], table, where=name)
        if isinstance(given.get("input"), list):
            given["input"] = [
                without_refused_parts(f"input[{place}]", each) for place, each in enumerate(given["input"])
            ]
        return given

    @model_validator(mode="after")
    def _fields_agree(self) -> ResponseRequest:
        if self.stream_options is not None and not self.stream:
            raise FieldRefused("stream_options", "it needs stream to be true")
        for place, each in enumerate(self.include or ()):
            if each not in INCLUDED:
                raise FieldRefused(f"include[{place}]", f"what can be included is {', '.join(INCLUDED)}")
        if self.top_logprobs and LOGPROBS not in (self.include or ()):
            raise FieldRefused("top_logprobs", f"it needs include to have {LOGPROBS}")
        if self.input in (None, []) and self.previous_response_id is None:
            raise InvalidInput("'input' is missing", field="input")
        check_items(self.items)
        return self

    @property
    def items(self) -> list[Item]:
        return self.input if isinstance(self.input, list) else []


class InputDetails(BaseModel):
    cached_tokens: int
    cache_write_tokens: int


class OutputDetails(BaseModel):
    reasoning_tokens: int


class Usage(BaseModel):
    input_tokens: int
    input_tokens_details: InputDetails
    output_tokens: int
    output_tokens_details: OutputDetails
    total_tokens: int


class Response(BaseModel):
    id: str
    object: Literal["response"]
    created_at: int
    completed_at: int | None
    status: Literal["in_progress", "completed", "incomplete", "failed"]
    background: Literal[False]
    error: dict[str, Any] | None
    incomplete_details: dict[str, Any] | None
    instructions: str | None
    max_output_tokens: int | None
    max_tool_calls: int | None
    metadata: dict[str, str]
    model: str
    output: list[dict[str, Any]] = Field(description="Items of the types message, function_call and reasoning.")
    parallel_tool_calls: bool
    previous_response_id: str | None
    prompt_cache_key: str | None
    reasoning: dict[str, Any]
    safety_identifier: str | None
    service_tier: Literal["default"]
    store: bool
    temperature: float | None = Field(description="null: as the model has it by itself.")
    text: dict[str, Any]
    tool_choice: Literal["none", "auto", "required"] | dict[str, Any]
    tools: list[dict[str, Any]]
    top_logprobs: int
    top_p: float | None = Field(description="null: as the model has it by itself.")
    truncation: Literal["disabled"]
    usage: Usage | None
    user: str | None


class ItemList(BaseModel):
    object: Literal["list"]
    data: list[dict[str, Any]]
    first_id: str | None
    last_id: str | None
    has_more: bool


class Deleted(BaseModel):
    id: str
    object: Literal["response"]
    deleted: Literal[True]

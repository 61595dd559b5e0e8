"""The bodies of chat completions that come in and go out, as OpenAI's API reference has them.

Types and ranges only; what a field does is said in its description. Unknown fields are refused by name.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field, model_validator

from gateway.dialects.openai.chat.messages import ChatMessage, check_messages, without_refused_parts
from gateway.dialects.openai.chat.refused import CHAT_REFUSED, CONTINUING
from gateway.dialects.openai.chat.tools import MAX_TOOLS, Choice, FunctionTool, ResponseFormat, refuse_custom_tools
from gateway.dialects.openai.sampled import LABEL, Sampled
from gateway.dialects.openai.schemas import MAX_INT, Usage
from gateway.dialects.refusals import without_refused
from gateway.dialects.text import Text
from modelyard.errors import FieldRefused, InvalidInput

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
# Variables that make a template's prompt what this gateway takes it for.
_OURS = frozenset(
    ("messages", "tools", "chat_template", "tokenize", "add_generation_prompt", "continue_final_message", "documents")
)


class ChatCompletionRequest(Sampled):
    messages: list[ChatMessage] = Field(min_length=1)
    max_completion_tokens: int | None = Field(None, ge=1, le=MAX_INT, description="OpenAI's newer name of max_tokens.")
    logprobs: bool | None = Field(None, description="Give each token's logarithmic probability.")
    top_logprobs: int | None = Field(None, ge=0, le=20, description="Alternatives at each place; needs logprobs.")
    tools: list[FunctionTool] | None = Field(None, max_length=MAX_TOOLS, description="Functions the model may call.")
    tool_choice: Choice | None = Field(None, description="auto unless set; allowed_tools shows the model only those.")
    parallel_tool_calls: bool | None = Field(None, description="false: at most one call in an answer.")
    response_format: ResponseFormat | None = Field(None, description="The answer keeps to it, by guided generation.")
    reasoning_effort: Effort | None = Field(
        None,
        description="none turns thinking off; minimal is low, xhigh and max are high, for templates that have levels.",
    )
    include_reasoning: bool | None = Field(None, description="vLLM's: false leaves reasoning_content out.")
    separate_reasoning: bool | None = Field(
        None, description="SGLang's: false leaves thoughts in the text, as written."
    )
    chat_template_kwargs: dict[str, Any] | None = Field(None, description="vLLM's: variables of the chat template.")
    continue_final_message: bool | None = Field(
        None, description="vLLM's: the last message, an assistant's, is the beginning of the answer."
    )
    metadata: dict[str, Text] | None = Field(None, max_length=16, description=LABEL)
    safety_identifier: Text | None = Field(None, description=LABEL)
    prompt_cache_key: Text | None = Field(None, description="Prompts that begin alike share the engine's cache anyway.")

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        continues = given.get("continue_final_message") is True
        given = without_refused(given, CHAT_REFUSED | CONTINUING if continues else CHAT_REFUSED)
        if isinstance(given.get("messages"), list):
            given["messages"] = [
                without_refused_parts(f"messages[{place}]", each) for place, each in enumerate(given["messages"])
            ]
        refuse_custom_tools(given.get("tools"), given.get("tool_choice"))
        return given

    @model_validator(mode="after")
    def _fields_agree(self) -> ChatCompletionRequest:
        if self.top_logprobs is not None and not self.logprobs:
            raise FieldRefused("top_logprobs", "it needs logprobs to be true")
        if self.max_tokens is not None and self.max_completion_tokens not in (None, self.max_tokens):
            raise FieldRefused("max_tokens", "max_completion_tokens says otherwise")
        check_messages(self.messages)
        last = self.messages[-1]
        if self.continue_final_message and (last.role != "assistant" or last.tool_calls or not last.content):
            raise InvalidInput(
                "'continue_final_message' needs an assistant's text as the last message", field="continue_final_message"
            )
        if taken := _OURS & (self.chat_template_kwargs or {}).keys():
            name = min(taken)
            raise FieldRefused(f"chat_template_kwargs.{name}", "the request's own fields say it")
        return self


class TopLogprob(BaseModel):
    token: str
    logprob: float
    bytes: list[int] | None


class TokenLogprob(TopLogprob):
    top_logprobs: list[TopLogprob]


class ChoiceLogprobs(BaseModel):
    content: list[TokenLogprob] | None
    refusal: None = None


class MadeFunction(BaseModel):
    name: str
    arguments: str


class MadeCall(BaseModel):
    id: str
    type: Literal["function"]
    function: MadeFunction


class AssistantMessage(BaseModel):
    role: Literal["assistant"]
    content: str | None
    refusal: None = None
    reasoning_content: str | None = Field(None, description="What the model thought; only when it did.")
    tool_calls: list[MadeCall] | None = Field(None, description="Only when the model calls tools.")


class ChatChoice(BaseModel):
    index: int
    message: AssistantMessage
    logprobs: ChoiceLogprobs | None
    finish_reason: Literal["stop", "length", "tool_calls"]


class ChatCompletion(BaseModel):
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoice]
    usage: Usage

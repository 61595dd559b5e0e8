"""The body of POST /v1/messages and what goes back, as Anthropic's API reference has them.

Types and ranges only; unknown fields are refused by name.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from gateway.dialects.anthropic.blocks import Block, TextBlock, Wire, without_refused_blocks
from gateway.dialects.anthropic.refused import MESSAGES_REFUSED, TOOL_REFUSED, WITHOUT_EFFECT
from gateway.dialects.refusals import without_refused
from gateway.dialects.text import NonEmpty, Text
from modelyard.errors import FieldRefused, InvalidInput

MAX_INT = 2**31 - 1


class Message(Wire):
    role: Literal["user", "assistant", "system"]
    content: Text | list[Block]


class Tool(Wire):
    name: NonEmpty
    description: Text | None = None
    input_schema: dict[str, Any]
    strict: bool | None = None
    type: Literal["custom"] | None = None


class ToolChoice(Wire):
    type: Literal["auto", "any", "tool", "none"]
    name: NonEmpty | None = None
    disable_parallel_tool_use: bool | None = None

    @model_validator(mode="after")
    def _named(self) -> ToolChoice:
        if (self.type == "tool") != (self.name is not None):
            raise InvalidInput(
                "'tool_choice.name' belongs to the type 'tool', which needs it", field="tool_choice.name"
            )
        return self


class Thinking(Wire):
    type: Literal["enabled", "disabled", "adaptive"]
    budget_tokens: int | None = Field(
        None, ge=1, le=MAX_INT, description="The model itself ends its thoughts; max_tokens bounds all."
    )
    display: Literal["summarized", "omitted"] | None = Field(
        None, description="omitted leaves the thoughts out of the answer; they are never summarized."
    )


class OutputFormat(Wire):
    type: Literal["json_schema"]
    schema_: dict[str, Any] = Field(alias="schema")


class OutputConfig(Wire):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: OutputFormat | None = None


class Metadata(Wire):
    user_id: Text | None = Field(None, description="A label of the sender's own; it is kept nowhere.")


class Prompt(Wire):
    """What the model reads, which can also be counted."""

    model: NonEmpty
    messages: list[Message] = Field(min_length=1)
    system: Text | list[TextBlock] | None = None
    tools: list[Tool] | None = None
    tool_choice: ToolChoice | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, given: Any) -> Any:
        given = without_refused(given, MESSAGES_REFUSED)
        if not isinstance(given, dict):
            return given
        given = {name: value for name, value in given.items() if name not in WITHOUT_EFFECT}
        given["system"] = without_refused_blocks("system", given.get("system"))
        messages = given.get("messages")
        if isinstance(messages, list):
            given["messages"] = [_cleaned(f"messages[{place}]", each) for place, each in enumerate(messages)]
        tools = given.get("tools")
        if isinstance(tools, list):
            given["tools"] = [_tool(f"tools[{place}]", each) for place, each in enumerate(tools)]
        return given

    @model_validator(mode="after")
    def _roles_agree(self) -> Prompt:
        for place, message in enumerate(self.messages):
            blocks = message.content if isinstance(message.content, list) else ()
            for at, block in enumerate(blocks):
                where = f"messages[{place}].content[{at}].type"
                wrong = {"user": ("tool_use", "thinking"), "assistant": ("tool_result", "image")}
                if block.type in wrong.get(message.role, ("tool_use", "thinking", "tool_result", "image")):
                    raise InvalidInput(
                        f"'{where}' cannot be '{block.type}' in a message of '{message.role}'", field=where
                    )
        return self


class MessagesRequest(Prompt):
    max_tokens: int = Field(ge=1, le=MAX_INT)
    stop_sequences: list[NonEmpty] | None = None
    stream: bool | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=-1, le=MAX_INT)] | None = None
    metadata: Metadata | None = None


def _cleaned(where: str, given: Any) -> Any:
    if not isinstance(given, dict):
        return given
    return {**given, "content": without_refused_blocks(f"{where}.content", given.get("content"))}


def _tool(where: str, given: Any) -> Any:
    if not isinstance(given, dict):
        return given
    if given.get("type") not in (None, "custom"):
        raise FieldRefused(f"{where}.type", "the gateway runs no tools of its own; describe yours with an input_schema")
    given = without_refused(given, TOOL_REFUSED, where=where)
    return {name: value for name, value in given.items() if name not in WITHOUT_EFFECT}


class Usage(Wire):
    input_tokens: int
    output_tokens: int


class Answer(Wire):
    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    content: list[dict[str, Any]]
    stop_reason: Literal["end_turn", "max_tokens", "stop_sequence", "tool_use"]
    stop_sequence: str | None
    usage: Usage


class Count(Wire):
    input_tokens: int


class ErrorDetail(Wire):
    type: str
    message: str


class ErrorBody(Wire):
    type: Literal["error"] = "error"
    error: ErrorDetail

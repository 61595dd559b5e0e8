"""The messages of a chat as OpenAI has them: which role may say what.

Types and checks; how a message becomes ours is in translate.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from gateway.dialects.openai.chat.refused import MESSAGE_REFUSED, PART_REFUSED
from gateway.dialects.openai.wire import Wire
from gateway.dialects.pictures import check_count
from gateway.dialects.refusals import without_refused
from gateway.dialects.text import NonEmpty, Text
from modelyard.errors import FieldRefused, InvalidInput

_PARTS = {
    "system": ("text",),
    "developer": ("text",),
    "user": ("text", "image_url"),
    "assistant": ("text", "refusal"),
    "tool": ("text",),
}
_OF_ONE_ROLE = {
    "tool_calls": "assistant",
    "refusal": "assistant",
    "reasoning_content": "assistant",
    "reasoning": "assistant",
    "tool_call_id": "tool",
}


class ImageURL(Wire):
    url: NonEmpty = Field(description="A data URL; http and https where the service allows them.")
    detail: Literal["auto", "low", "high", "original"] | None = Field(
        None, description="low shrinks the picture to 512 pixels a side; else the model sees it as it is."
    )


class Part(Wire):
    type: Literal["text", "image_url", "refusal"]
    text: Text | None = None
    image_url: ImageURL | None = None
    refusal: Text | None = None


class CalledFunction(Wire):
    name: NonEmpty
    arguments: Text = Field(description="JSON, as the model wrote it.")


class CalledTool(Wire):
    id: NonEmpty
    type: Literal["function"] = "function"
    function: CalledFunction
    index: int | None = Field(None, description="As in the deltas of a stream; the order counts.")


class ChatMessage(Wire):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Text | Annotated[list[Part], Field(min_length=1)] | None = None
    name: Text | None = None
    tool_calls: list[CalledTool] | None = Field(None, description="Of an assistant: the calls that it asked for.")
    tool_call_id: NonEmpty | None = Field(None, description="Of a tool: the call that this is the result of.")
    refusal: Text | None = Field(None, description="Of an assistant: what it said instead of an answer.")
    reasoning_content: Text | None = Field(None, description="Of an assistant: what it thought before it answered.")
    reasoning: Text | None = Field(None, description="vLLM's name of reasoning_content.")


def without_refused_parts(where: str, given: Any) -> Any:
    """A message, not yet validated, less what asks for nothing. Raises FieldRefused for what no model here reads."""
    if not isinstance(given, dict):
        return given
    if given.get("role") == "function":
        raise FieldRefused(f"{where}.role", "it belongs to OpenAI's older form; send role 'tool'")
    given = without_refused(given, MESSAGE_REFUSED, where=where)
    parts = given.get("content")
    if isinstance(parts, list):
        given["content"] = [_without_refused(f"{where}.content[{place}]", part) for place, part in enumerate(parts)]
    calls = given.get("tool_calls")
    for place, call in enumerate(calls if isinstance(calls, list) else ()):
        if isinstance(call, dict) and call.get("type") == "custom":
            raise FieldRefused(f"{where}.tool_calls[{place}].type", "tools are functions with a JSON Schema")
    return given


def _without_refused(where: str, part: Any) -> Any:
    kind = part.get("type") if isinstance(part, dict) else None
    if isinstance(kind, str) and kind not in Part.model_fields:
        raise FieldRefused(f"{where}.type", f"'{kind}' is neither text nor image_url, which is all that is read")
    return without_refused(part, PART_REFUSED, where=where)


def check_messages(messages: Sequence[ChatMessage]) -> None:
    """Raises InvalidInput for what a role cannot say, or must say and does not."""
    for place, message in enumerate(messages):
        _check(f"messages[{place}]", message)
    check_count(len(pictures_of(messages)), "messages")


def _check(where: str, message: ChatMessage) -> None:
    role = message.role
    for name, whose in _OF_ONE_ROLE.items():
        if getattr(message, name) and role != whose:
            raise InvalidInput(f"'{where}.{name}' is for the role '{whose}' only", field=f"{where}.{name}")
    if message.content is None and not (role == "assistant" and (message.tool_calls or message.refusal)):
        raise InvalidInput(f"'{where}.content' is missing", field=f"{where}.content")
    if role == "tool" and message.tool_call_id is None:
        raise InvalidInput(f"'{where}.tool_call_id' is missing", field=f"{where}.tool_call_id")
    if message.reasoning and message.reasoning_content not in (None, message.reasoning):
        raise InvalidInput(f"'{where}.reasoning' and reasoning_content differ", field=f"{where}.reasoning")
    for place, part in enumerate(message.content if isinstance(message.content, list) else ()):
        at = f"{where}.content[{place}]"
        if part.type not in _PARTS[role]:
            raise InvalidInput(f"'{at}.type' cannot be '{part.type}' in a message of '{role}'", field=f"{at}.type")
        for name in ("text", "image_url", "refusal"):
            if (getattr(part, name) is None) == (name == part.type):
                wrong = "is missing" if name == part.type else f"does not belong to a part of type '{part.type}'"
                raise InvalidInput(f"'{at}.{name}' {wrong}", field=f"{at}.{name}")


def pictures_of(messages: Sequence[ChatMessage]) -> list[tuple[str, ImageURL]]:
    """Each picture with the path of its address, in the order in which the model sees them."""
    return [
        (f"messages[{number}].content[{place}].image_url.url", part.image_url)
        for number, message in enumerate(messages)
        for place, part in enumerate(message.content if isinstance(message.content, list) else ())
        if part.image_url is not None
    ]

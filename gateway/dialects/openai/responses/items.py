"""The items of a conversation as OpenAI's responses have them: messages, calls, their results, and thoughts.

Types and checks; how items become messages is in conversation.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, TypeAdapter

from gateway.dialects.openai.chat.messages import ImageURL
from gateway.dialects.openai.responses.refused import ITEM_REFUSED, PART_REFUSED
from gateway.dialects.openai.wire import NO_EFFECT, Wire
from gateway.dialects.pictures import check_count
from gateway.dialects.refusals import without_refused
from gateway.dialects.text import NonEmpty, Text
from modelyard.errors import FieldRefused, InvalidInput

Status = Literal["in_progress", "completed", "incomplete"]
_PARTS = {
    "system": ("input_text",),
    "developer": ("input_text",),
    "user": ("input_text", "input_image"),
    "assistant": ("output_text", "refusal"),
    "function_call_output": ("input_text",),
}
_SAYS = {"input_text": "text", "output_text": "text", "input_image": "image_url", "refusal": "refusal"}


class ContentPart(Wire):
    type: Literal["input_text", "input_image", "output_text", "refusal"]
    text: Text | None = None
    image_url: NonEmpty | None = Field(None, description="A data URL; http and https where the service allows them.")
    detail: Literal["auto", "low", "high", "original"] | None = Field(
        None, description="low shrinks the picture to 512 pixels a side; else the model sees it as it is."
    )
    refusal: Text | None = None
    logprobs: list[Any] | None = Field(None, description=f"Of a text that an answer had. {NO_EFFECT}")


class MessageItem(Wire):
    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "developer"]
    content: Text | list[ContentPart]
    id: NonEmpty | None = None
    status: Status | None = Field(None, description=NO_EFFECT)


class CallItem(Wire):
    type: Literal["function_call"]
    call_id: NonEmpty
    name: NonEmpty
    arguments: Text = Field(description="JSON, as the model wrote it.")
    id: NonEmpty | None = None
    status: Status | None = Field(None, description=NO_EFFECT)


class CallOutputItem(Wire):
    type: Literal["function_call_output"]
    call_id: NonEmpty
    output: Text | list[ContentPart]
    name: Text | None = None
    id: NonEmpty | None = None
    status: Status | None = Field(None, description=NO_EFFECT)


class Summary(Wire):
    type: Literal["summary_text"]
    text: Text


class Thought(Wire):
    type: Literal["reasoning_text"]
    text: Text


class ReasoningItem(Wire):
    type: Literal["reasoning"]
    summary: list[Summary] | None = Field(None, description="Shown to the model where there is no content.")
    content: list[Thought] | None = None
    id: NonEmpty | None = None
    status: Status | None = Field(None, description=NO_EFFECT)


def _kind(value: Any) -> str:
    return f"a {value.get('type') or 'message'}" if isinstance(value, dict) else "a message"


# With a space in them the tags are no part of a field's path.
Item = Annotated[
    Annotated[MessageItem, Tag("a message")]
    | Annotated[CallItem, Tag("a function_call")]
    | Annotated[CallOutputItem, Tag("a function_call_output")]
    | Annotated[ReasoningItem, Tag("a reasoning")],
    Discriminator(_kind),
]
_ITEMS: TypeAdapter[list[Item]] = TypeAdapter(list[Item])


def read_items(given: Sequence[Any]) -> list[Item]:
    """Items that were checked when they were stored."""
    return _ITEMS.validate_python([without_refused_parts("", each) for each in given])


def without_refused_parts(where: str, given: Any) -> Any:
    """An item, not yet validated, less what asks for nothing. Raises FieldRefused for what no model here reads."""
    if not isinstance(given, dict):
        return given
    kind = given.get("type") or "message"
    if not isinstance(kind, str) or kind not in ITEM_REFUSED:
        hint = "; send the item itself" if kind == "item_reference" else ""
        raise FieldRefused(
            f"{where}.type", f"items are message, function_call, function_call_output and reasoning{hint}"
        )
    given = without_refused(given, ITEM_REFUSED[kind], where=where)
    name = "output" if kind == "function_call_output" else "content"
    if kind != "reasoning" and isinstance(given.get(name), list):
        given[name] = [_without_refused(f"{where}.{name}[{place}]", part) for place, part in enumerate(given[name])]
    return given


def _without_refused(where: str, part: Any) -> Any:
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        return part
    if part["type"] not in PART_REFUSED:
        read = ", ".join(PART_REFUSED)
        raise FieldRefused(f"{where}.type", f"'{part['type']}' is not among what is read, which is {read}")
    return without_refused(part, PART_REFUSED[part["type"]], where=where)


def check_items(items: Sequence[Item]) -> None:
    """Raises InvalidInput for what a role cannot say, and for parts that lack what they are."""
    for number, item in enumerate(items):
        if isinstance(item, MessageItem):
            _check_parts(f"input[{number}].content", item.content, item.role)
        elif isinstance(item, CallOutputItem):
            _check_parts(f"input[{number}].output", item.output, "function_call_output")


def _check_parts(where: str, parts: str | list[ContentPart], speaker: str) -> None:
    for place, part in enumerate(parts if isinstance(parts, list) else ()):
        at = f"{where}[{place}]"
        if part.type not in _PARTS[speaker]:
            raise InvalidInput(f"'{at}.type' cannot be '{part.type}' in what is of '{speaker}'", field=f"{at}.type")
        for name in ("text", "image_url", "refusal"):
            if (getattr(part, name) is None) == (name == _SAYS[part.type]):
                wrong = "is missing" if name == _SAYS[part.type] else f"does not belong to the type '{part.type}'"
                raise InvalidInput(f"'{at}.{name}' {wrong}", field=f"{at}.{name}")
        for name, kind in (("detail", "input_image"), ("logprobs", "output_text")):
            if getattr(part, name) is not None and part.type != kind:
                raise InvalidInput(f"'{at}.{name}' is for the type '{kind}' only", field=f"{at}.{name}")


def pictures_of(before: Sequence[Item], items: Sequence[Item]) -> list[tuple[str, ImageURL]]:
    """Each picture with the path of its address, in the order in which the model sees them.

    `before` are the items of previous responses. Raises InvalidInput where they are too many.
    """
    found = [("previous_response_id", picture) for _, picture in _pictures(before)] + list(_pictures(items))
    check_count(len(found), "input")
    return found


def _pictures(items: Sequence[Item]) -> Iterator[tuple[str, ImageURL]]:
    for number, item in enumerate(items):
        if isinstance(item, MessageItem) and isinstance(item.content, list):
            for place, part in enumerate(item.content):
                if part.image_url is not None:
                    where = f"input[{number}].content[{place}].image_url"
                    yield where, ImageURL(url=part.image_url, detail=part.detail)

"""Messages and tools in the form that chat templates want, which differs from one template to the next.

What a template wants is seen by rendering a small conversation, once for each template. Knows the form that
transformers gives to templates; does not know how a model answers.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gateway.domain.content import Image, Message, Text, ToolCall
from gateway.domain.generation import Tool
from gateway.prompting.templates import TemplateFailed, render, variables_of
from modelyard.errors import InvalidInput

_PROBE = "modelyard-probe"
_IMAGE = "<image>"  # where an image stands in a text, for a template that takes no parts
_SHORT_ID = re.compile(r"[A-Za-z0-9]{9}")


@dataclass(frozen=True)
class Manners:
    """What a template wants. `parts`: content is a list. `none`: a message of calls only has no content at all.
    `text_arguments`: the arguments of calls are JSON text. `short_ids`: ids of calls have nine letters and digits."""

    variables: frozenset[str]
    strings: bool
    parts: bool
    none: bool
    text_arguments: bool
    short_ids: bool
    developer: bool
    thinking: bool


@lru_cache(maxsize=64)
def manners_of(source: str) -> Manners:
    """Raises TemplateFailed for a template that is not valid."""
    return Manners(
        variables=variables_of(source),
        strings=_PROBE in _tried(source, [{"role": "user", "content": _PROBE}]),
        parts=_takes_parts(source),
        none=bool(re.search(r"content(['\"]\])?\s+is\s+(not\s+)?none", source)),
        text_arguments=_wants_text(source),
        short_ids="length 9" in source,
        developer="developer" in source,
        thinking=bool(re.search(r"message\.thinking\b|['\"]thinking['\"]\s*(\]|in\s+message)", source)),
    )


def to_tools(tools: Sequence[Tool]) -> list[dict[str, Any]] | None:
    """In OpenAI's form, which templates are written for."""
    return [{"type": "function", "function": _function(tool)} for tool in tools] or None


def _function(tool: Tool) -> dict[str, Any]:
    described = {} if tool.description is None else {"description": tool.description}
    parameters = {"type": "object", "properties": {}} if tool.parameters is None else tool.parameters
    return {"name": tool.name, **described, "parameters": parameters}


def to_messages(messages: Sequence[Message], manners: Manners, image_token: str = _IMAGE) -> list[dict[str, Any]]:
    """What the template gets as `messages`."""
    pictures = any(isinstance(part, Image) for message in messages for part in message.parts)
    as_parts = manners.parts and (pictures or not manners.strings)
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    return [_as_dict(message, manners, names, as_parts, image_token) for message in messages]


def _as_dict(
    message: Message, manners: Manners, names: Mapping[str, str], as_parts: bool, image_token: str
) -> dict[str, Any]:
    role = "system" if message.role == "developer" and not manners.developer else message.role
    given: dict[str, Any] = {"role": role, "content": _content(message, manners, as_parts, image_token)}
    if message.reasoning is not None:
        given["reasoning_content"] = message.reasoning
        if manners.thinking:
            given["thinking"] = message.reasoning
    if message.tool_calls:
        given["tool_calls"] = [_call(call, manners) for call in message.tool_calls]
    if message.tool_call_id is not None:
        given["tool_call_id"] = _id(message.tool_call_id, manners)
    name = message.name if message.name is not None else names.get(message.tool_call_id or "")
    if name is not None:
        given["name"] = name
    return given


def _content(message: Message, manners: Manners, as_parts: bool, image_token: str) -> Any:
    if not message.parts and message.tool_calls and manners.none:
        return None
    if as_parts:
        return [
            {"type": "text", "text": part.text} if isinstance(part, Text) else {"type": "image"}
            for part in message.parts
        ]
    return "\n".join(part.text if isinstance(part, Text) else image_token for part in message.parts)


def _call(call: ToolCall, manners: Manners) -> dict[str, Any]:
    arguments: Any = call.arguments
    if not manners.text_arguments:
        try:
            arguments = json.loads(call.arguments) if call.arguments.strip() else {}
        except (ValueError, RecursionError):
            arguments = call.arguments
    return {
        "id": _id(call.id, manners),
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }


def _id(key: str, manners: Manners) -> str:
    """A conversation may have begun with another model, whose ids this template would refuse."""
    if not manners.short_ids or _SHORT_ID.fullmatch(key):
        return key
    return hashlib.sha256(key.encode()).hexdigest()[:9]


def _takes_parts(source: str) -> bool:
    rendered = _tried(source, [{"role": "user", "content": [{"type": "text", "text": _PROBE}]}])
    # A template for texts prints the list as Python or JSON writes it.
    return _PROBE in rendered and not re.search(r"['\"]text['\"]: ?['\"]" + _PROBE, rendered)


def _wants_text(source: str) -> bool:
    """Whether the template puts arguments into the prompt as they stand."""
    if "arguments" not in source:
        return False

    def rendered(arguments: Any) -> str:
        call = {"id": "callprobe", "type": "function", "function": {"name": "probe", "arguments": arguments}}
        content = None if re.search(r"content(['\"]\])?\s+is\s+none", source) else ""
        return _tried(
            source,
            [
                {"role": "user", "content": _PROBE},
                {"role": "assistant", "content": content, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "callprobe", "name": "probe", "content": _PROBE},
            ],
        )

    as_object = rendered({_PROBE: _PROBE})
    if as_object and f"'{_PROBE}': '{_PROBE}'" not in as_object:
        return False
    return _PROBE in rendered(json.dumps({_PROBE: _PROBE}))


def _tried(source: str, messages: list[dict[str, Any]]) -> str:
    """The prompt of a small conversation; empty where the template cannot take it."""
    function = {"name": "probe", "description": "", "parameters": {"type": "object", "properties": {}}}
    variables = {
        "bos_token": "",
        "eos_token": "",
        "messages": messages,
        "tools": [{"type": "function", "function": function}],
        "documents": None,
        "add_generation_prompt": True,
    }
    try:
        return render(source, variables)
    except (InvalidInput, TemplateFailed):
        return ""

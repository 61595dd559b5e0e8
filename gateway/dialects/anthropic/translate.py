"""Anthropic's words to ours and back. Pure: no HTTP, no clock, no randomness.

`to_*` read what came over the wire; `from_*` write what goes back. A stream's events are in events.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from gateway.dialects.anthropic.blocks import Base64Source, ImageBlock, TextBlock, ToolResultBlock
from gateway.dialects.anthropic.schemas import Message as WireMessage
from gateway.dialects.anthropic.schemas import MessagesRequest, Prompt
from gateway.dialects.collecting import Whole
from gateway.dialects.failures import Failure
from gateway.domain import generation as ours
from gateway.domain.content import Image, Message, Part, Role, Text, ToolCall
from gateway.domain.tokenizing import Tokenized
from modelyard.errors import FieldRefused

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}
_EFFORTS = {"low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}


def pictures_of(wire: Prompt) -> list[tuple[str, str]]:
    """The addresses of the pictures in their order, each after the path of its field."""
    found = []
    for number, message in enumerate(wire.messages):
        for place, block in enumerate(message.content if isinstance(message.content, list) else ()):
            where = f"messages[{number}].content[{place}]"
            if isinstance(block, ImageBlock):
                found.append((f"{where}.source", _address(block)))
            elif isinstance(block, ToolResultBlock) and isinstance(block.content, list):
                found += [
                    (f"{where}.content[{at}].source", _address(part))
                    for at, part in enumerate(block.content)
                    if isinstance(part, ImageBlock)
                ]
    return found


def _address(block: ImageBlock) -> str:
    source = block.source
    return f"data:{source.media_type};base64,{source.data}" if isinstance(source, Base64Source) else source.url


def to_generation(wire: MessagesRequest, pictures: Sequence[bytes] = ()) -> ours.GenerationRequest:
    """`pictures` are what the addresses of `pictures_of` led to."""
    schema = wire.output_config.format if wire.output_config else None
    return _request(
        wire,
        pictures,
        ours.Sampling(
            temperature=wire.temperature,
            top_p=wire.top_p,
            top_k=wire.top_k,
            max_tokens=wire.max_tokens,
            stop=tuple(wire.stop_sequences or ()) or None,
            # Which of them ended the answer is a field of Anthropic's; the engine says only that one did.
            include_stop_str_in_output=True if wire.stop_sequences else None,
            structured_outputs={"json": schema.schema_} if schema else None,
        ),
        stream=bool(wire.stream),
    )


def to_prompt(wire: Prompt) -> ours.GenerationRequest:
    """A request whose prompt is to be counted. Raises FieldRefused for pictures."""
    if pictures := pictures_of(wire):
        raise FieldRefused(pictures[0][0], "how many tokens a picture is, the engine tells with an answer only")
    return _request(wire, (), ours.Sampling(), stream=False)


def names_of(wire: Prompt) -> dict[str, str]:
    """Our names of fields, and Anthropic's where they are others, for what is refused behind this dialect."""
    return {
        **{
            f"tools[{place}].function.parameters": f"tools[{place}].input_schema"
            for place in range(len(wire.tools or ()))
        },
        "image": "messages",
        "prompt": "messages",
        "stop": "stop_sequences",
        "include_stop_str_in_output": "stop_sequences",
        "response_format": "output_config.format",
        "structured_outputs": "output_config.format",
        "reasoning_effort": "thinking" if wire.thinking else "output_config.effort",
    }


def _request(
    wire: Prompt, pictures: Sequence[bytes], sampling: ours.Sampling, *, stream: bool
) -> ours.GenerationRequest:
    remaining = iter(pictures)
    messages = [Message.of("system", _joined(wire.system))] if wire.system else []
    for each in wire.messages:
        messages += _messages(each, remaining)
    choice = wire.tool_choice
    modes = {"auto": "auto", "any": "required", "tool": "required", "none": "none"}
    return ours.GenerationRequest(
        wire.model,
        tuple(messages),
        sampling,
        stream,
        tools=tuple(
            ours.Tool(tool.name, tool.description, tool.input_schema, bool(tool.strict)) for tool in wire.tools or ()
        ),
        tool_choice=ours.ToolChoice(modes[choice.type], choice.name) if choice else ours.ToolChoice(),  # type: ignore[arg-type]
        parallel_tool_calls=not (choice and choice.disable_parallel_tool_use),
        thinking=_thinking(wire),
        continues=wire.messages[-1].role == "assistant",
    )


def _thinking(wire: Prompt) -> ours.Thinking:
    enabled = {"enabled": True, "disabled": False}.get(wire.thinking.type) if wire.thinking else None
    effort = wire.output_config.effort if wire.output_config else None
    return ours.Thinking(enabled, _EFFORTS[effort] if effort else None)


def shows_thoughts(wire: Prompt) -> bool:
    """Whoever did not ask for thoughts takes the first block for the answer, so they get none."""
    return wire.thinking is not None and wire.thinking.type != "disabled" and wire.thinking.display != "omitted"


def _joined(blocks: str | Sequence[TextBlock]) -> str:
    return blocks if isinstance(blocks, str) else "\n".join(block.text for block in blocks)


def _messages(wire: WireMessage, pictures: Iterator[bytes]) -> list[Message]:
    """Results of tools are messages of their own, before what else the user says."""
    role: Role = wire.role
    if isinstance(wire.content, str):
        return [Message.of(role, wire.content)]
    results: list[Message] = []
    parts: list[Part] = []
    calls: list[ToolCall] = []
    thoughts: list[str] = []
    for block in wire.content:
        if isinstance(block, TextBlock):
            parts.append(Text(block.text))
        elif isinstance(block, ImageBlock):
            parts.append(Image(next(pictures)))
        elif isinstance(block, ToolResultBlock):
            results.append(Message("tool", _result(block, pictures), tool_call_id=block.tool_use_id))
        elif block.type == "tool_use":
            calls.append(ToolCall(block.id, block.name, json.dumps(block.input, ensure_ascii=False)))
        else:
            thoughts.append(block.thinking)
    if parts or calls or thoughts or not results:
        results.append(Message(role, tuple(parts), tool_calls=tuple(calls), reasoning="\n".join(thoughts) or None))
    return results


def _result(block: ToolResultBlock, pictures: Iterator[bytes]) -> tuple[Part, ...]:
    parts: list[Part] = [Text("Error:")] if block.is_error else []
    if isinstance(block.content, str):
        return (*parts, Text(block.content))
    for part in block.content or ():
        parts.append(Text(part.text) if isinstance(part, TextBlock) else Image(next(pictures)))
    return tuple(parts)


def from_whole(whole: Whole, wire: MessagesRequest, *, answer_id: str) -> dict[str, Any]:
    (sequence,) = whole.sequences
    text, stopped_by = without_stop(sequence.text, wire.stop_sequences or (), whole.finished.reasons[0])
    content: list[dict[str, Any]] = []
    if sequence.reasoning and shows_thoughts(wire):
        content.append({"type": "thinking", "thinking": sequence.reasoning, "signature": ""})
    if text or not sequence.tool_calls:
        content.append({"type": "text", "text": text})
    for call in sequence.tool_calls:
        content.append({"type": "tool_use", "id": call.id, "name": call.name, "input": _object(call.arguments)})
    return {
        "id": answer_id,
        "type": "message",
        "role": "assistant",
        "model": wire.model,
        "content": content,
        "stop_reason": stop_reason(whole.finished.reasons[0], stopped_by),
        "stop_sequence": stopped_by,
        "usage": from_usage(whole.finished.usage),
    }


def without_stop(text: str, stops: Sequence[str], reason: str) -> tuple[str, str | None]:
    """The text less the stop sequence that ended it, and that sequence; the longest where several fit."""
    if reason == "stop":
        for stop in sorted(stops, key=len, reverse=True):
            if text.endswith(stop):
                return text.removesuffix(stop), stop
    return text, None


def stop_reason(reason: str, stopped_by: str | None) -> str:
    if stopped_by is not None:
        return "stop_sequence"
    return {"length": "max_tokens", "tool_calls": "tool_use"}.get(reason, "end_turn")


def _object(arguments: str) -> dict[str, Any]:
    """The arguments as an object, which Anthropic's form wants; what the model wrote wrong is kept as text."""
    try:
        value = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        value = None
    return value if isinstance(value, dict) else {"arguments": arguments}


def from_counted(found: Tokenized) -> dict[str, int]:
    return {"input_tokens": len(found.ids)}


def from_usage(usage: ours.Usage) -> dict[str, int]:
    return {"input_tokens": usage.prompt_tokens, "output_tokens": usage.completion_tokens}


def from_failure(failure: Failure) -> dict[str, Any]:
    """Anthropic's error object."""
    kind = _TYPES.get(failure.status, "invalid_request_error" if failure.status < 500 else "api_error")
    message = failure.message
    if failure.param is not None and failure.model is None and f"'{failure.param}" not in message:
        # There is no other place for the field's name.
        message = f"'{failure.param}': {message}"
    return {"type": "error", "error": {"type": kind, "message": message}}

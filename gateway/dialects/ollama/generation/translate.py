"""Ollama's requests for text to ours. Pure: no HTTP, no clock, no randomness."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import orjson

from gateway.dialects.ollama.durations import keep_alive_s
from gateway.dialects.ollama.generation.go_to_jinja import to_jinja
from gateway.dialects.ollama.generation.options import NAMES, to_sampling
from gateway.dialects.ollama.generation.schemas import Asking, ChatMessage, ChatRequest, GenerateRequest
from gateway.dialects.ollama.names import plain
from gateway.domain.content import Image, Message, Part, Text, ToolCall
from gateway.domain.generation import GenerationRequest, Sampling, Thinking, Tool


def pictures_of(wire: GenerateRequest | ChatRequest) -> list[tuple[str, bytes]]:
    """The pictures in their order, each after the path of its field."""
    if isinstance(wire, GenerateRequest):
        return [(f"images[{place}]", image) for place, image in enumerate(wire.images or ())]
    return [
        (f"messages[{number}].images[{place}]", image)
        for number, message in enumerate(wire.messages or ())
        for place, image in enumerate(message.images or ())
    ]


def to_generation(wire: GenerateRequest, pictures: Sequence[bytes] = ()) -> GenerationRequest:
    """`pictures` are what became of those of `pictures_of`.

    Raises FieldRefused for a template that cannot be translated.
    """
    asked = _common(wire)
    if wire.raw:
        return GenerationRequest(prompt=wire.prompt or "", images=tuple(pictures), **asked)
    messages = [Message.of("system", wire.system)] if wire.system else []
    messages.append(Message("user", _parts(wire.prompt, pictures)))
    template = to_jinja(wire.template, field="template") if wire.template else None
    return GenerationRequest(prompt=tuple(messages), template=template, **asked)


def to_chat(wire: ChatRequest, pictures: Sequence[bytes] = ()) -> GenerationRequest:
    """`pictures` are what became of those of `pictures_of`."""
    messages = to_messages(wire.messages or (), pictures)
    last = messages[-1] if messages else None
    return GenerationRequest(
        prompt=messages,
        tools=tuple(
            Tool(each.function.name, each.function.description, each.function.parameters) for each in wire.tools or ()
        ),
        # As in Ollama, where an assistant's message at the end is the beginning of the answer.
        continues=last is not None and last.role == "assistant" and bool(last.text) and not last.tool_calls,
        **_common(wire),
    )


def names_of(wire: Asking) -> dict[str, str]:
    """Our names of fields, and Ollama's where they are others, for what is refused behind this dialect."""
    return {
        **NAMES,
        "messages": "messages" if isinstance(wire, ChatRequest) else "prompt",
        "image": "messages" if isinstance(wire, ChatRequest) else "images",
        "chat_template": "template",
        "reasoning_effort": "think",
        "response_format": "format",
        "structured_outputs": "format",
        "logprobs": "top_logprobs" if wire.top_logprobs else "logprobs",
    }


def _common(wire: Asking) -> dict[str, Any]:
    return {
        "model": plain(wire.model),
        "sampling": _sampling(wire),
        "stream": wire.streams,
        "thinking": _thinking(wire.think),
        "keep_alive_s": keep_alive_s(wire.keep_alive),
    }


def _sampling(wire: Asking) -> Sampling:
    structured: dict[str, Any] | None = None
    if wire.format == "json":
        structured = {"json_object": True}
    elif isinstance(wire.format, dict):
        structured = {"json": wire.format}
    return to_sampling(
        wire.options, logprobs=(wire.top_logprobs or 0) if wire.logprobs else None, structured_outputs=structured
    )


def _thinking(think: bool | str | None) -> Thinking:
    if isinstance(think, str):
        return Thinking(enabled=True, effort=think)
    return Thinking(enabled=think)


def _parts(text: str | None, pictures: Iterable[bytes]) -> tuple[Part, ...]:
    """The pictures stand before the words, as Ollama puts them."""
    words: tuple[Part, ...] = (Text(text),) if text else ()
    return tuple(Image(each) for each in pictures) + words


def to_messages(given: Sequence[ChatMessage], pictures: Sequence[bytes] = ()) -> tuple[Message, ...]:
    """Calls and results are tied together by ids, which Ollama's clients mostly leave out: by the tool's name, or else
    in their order."""
    open_calls: dict[str, str] = {}  # id to name, of those without a result
    messages: list[Message] = []
    made = 0
    remaining = iter(pictures)
    for wire in given:
        parts = _parts(wire.content, islice(remaining, len(wire.images or ())))
        calls = []
        for each in wire.tool_calls or ():
            key = each.id or f"call_{made}"
            made += 1
            open_calls[key] = each.function.name
            calls.append(ToolCall(key, each.function.name, orjson.dumps(each.function.arguments or {}).decode()))
        answered = None
        if wire.role == "tool":
            answered = wire.tool_call_id or _call_of(wire.tool_name, open_calls)
            name = open_calls.pop(answered, None) if answered else None
            messages.append(Message("tool", parts, wire.tool_name or name, tool_call_id=answered))
            continue
        messages.append(
            Message(
                wire.role,
                parts,
                tool_calls=tuple(calls),
                reasoning=wire.thinking or None,
            )
        )
    return tuple(messages)


def _call_of(tool: str | None, open_calls: dict[str, str]) -> str | None:
    return next((key for key, name in open_calls.items() if tool in (None, "", name)), None)

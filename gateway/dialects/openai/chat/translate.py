"""Chat completions: OpenAI's words to ours and back. Pure: no HTTP, no clock, no randomness.

`to_*` read what came over the wire; `from_*` write what goes back. A stream's chunks are in chunks.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gateway.dialects.collecting import Sequenced, Whole
from gateway.dialects.openai.chat.messages import ChatMessage
from gateway.dialects.openai.chat.schemas import ChatCompletionRequest
from gateway.dialects.openai.chat.tools import to_shape, to_tools
from gateway.dialects.openai.described import with_description
from gateway.dialects.openai.sampled import names_of_shape, to_sampling
from gateway.dialects.openai.translate import from_usage
from gateway.domain.content import Image, Message, Part, Text, ToolCall
from gateway.domain.generation import GenerationRequest, Thinking, TokenLogprob
from modelyard.errors import InvalidInput

# Templates know low, medium and high. `minimal` turns nothing on that a template leaves off by itself.
EFFORTS = {
    "none": (False, None),
    "minimal": (None, "low"),
    "low": (True, "low"),
    "medium": (True, "medium"),
    "high": (True, "high"),
    "xhigh": (True, "high"),
    "max": (True, "high"),
}
_SWITCHES = ("enable_thinking", "thinking")  # of templates: Qwen's and GLM's, DeepSeek's and Granite's


def to_generation(wire: ChatCompletionRequest, pictures: Sequence[bytes] = ()) -> GenerationRequest:
    """`pictures` are what the addresses of `pictures_of` led to. Raises InvalidInput where fields contradict."""
    tools, choice = to_tools(wire.tools or (), wire.tool_choice)
    remaining = iter(pictures)
    shape = to_shape(wire.response_format)
    form = wire.response_format.json_schema if wire.response_format else None
    messages = [_message(each, remaining) for each in wire.messages]
    return GenerationRequest(
        wire.model,
        with_description(messages, form.name, form.description) if form else tuple(messages),
        to_sampling(
            wire,
            max_tokens=wire.max_completion_tokens or wire.max_tokens,
            logprobs=(wire.top_logprobs or 0) if wire.logprobs else None,
            shape=shape,
        ),
        bool(wire.stream),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=wire.parallel_tool_calls is not False,
        thinking=_thinking(wire),
        continues=bool(wire.continue_final_message),
        template_arguments=wire.chat_template_kwargs or {},
    )


def names_of(wire: ChatCompletionRequest) -> dict[str, str]:
    """Fields of the engine's as this client sent them, for what the engine refuses."""
    names = names_of_shape(wire) | {"image": "messages"}
    if wire.top_logprobs:
        names["logprobs"] = "top_logprobs"
    if wire.max_completion_tokens is not None:
        names["max_tokens"] = "max_completion_tokens"
    if wire.response_format is not None:
        names["structured_outputs"] = "response_format"
    elif "structured_outputs" in names or wire.structured_outputs is not None:
        # A form that cannot be kept to beside tools is refused by this name, whoever asked for it.
        names["response_format"] = names.get("structured_outputs", "structured_outputs")
    return names


def _message(wire: ChatMessage, pictures: Iterator[bytes]) -> Message:
    parts: list[Part] = []
    if isinstance(wire.content, str):
        parts.append(Text(wire.content))
    for part in wire.content if isinstance(wire.content, list) else ():
        parts.append(Image(next(pictures)) if part.image_url else Text(part.text or part.refusal or ""))
    if wire.refusal:
        parts.append(Text(wire.refusal))
    calls = tuple(
        ToolCall(call.id, call.function.name, call.function.arguments or "{}") for call in wire.tool_calls or ()
    )
    reasoning = wire.reasoning_content or wire.reasoning
    return Message(wire.role, tuple(parts), wire.name, calls, wire.tool_call_id, reasoning or None)


def _thinking(wire: ChatCompletionRequest) -> Thinking:
    enabled, effort = EFFORTS[wire.reasoning_effort] if wire.reasoning_effort else (None, None)
    for name in _SWITCHES:
        switch = (wire.chat_template_kwargs or {}).get(name)
        if not isinstance(switch, bool):
            continue
        if enabled is not None and switch != enabled:
            raise InvalidInput(
                f"'reasoning_effort' and 'chat_template_kwargs.{name}' contradict one another", field="reasoning_effort"
            )
        enabled = switch
    return Thinking(enabled, effort, wire.separate_reasoning is not False)


def from_whole(whole: Whole, wire: ChatCompletionRequest, *, answer_id: str, created: int) -> dict[str, Any]:
    return {
        "id": answer_id,
        "object": "chat.completion",
        "created": created,
        "model": wire.model,
        "choices": [
            {
                "index": index,
                "message": _answer(sequence, with_reasoning=wire.include_reasoning is not False),
                "logprobs": from_logprobs(sequence.logprobs, wire.top_logprobs) if wire.logprobs else None,
                "finish_reason": whole.finished.reasons[index],
            }
            for index, sequence in enumerate(whole.sequences)
        ],
        "usage": from_usage(whole.finished.usage),
    }


def _answer(sequence: Sequenced, *, with_reasoning: bool) -> dict[str, Any]:
    content = None if sequence.tool_calls and not sequence.text else sequence.text
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None}
    if sequence.reasoning and with_reasoning:
        message["reasoning_content"] = sequence.reasoning
    if sequence.tool_calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in sequence.tool_calls
        ]
    return message


def from_logprobs(tokens: Sequence[TokenLogprob], top: int | None) -> dict[str, Any]:
    content = [
        {**_named(token), "top_logprobs": [_named(each) for each in token.alternatives[: top or 0]]} for token in tokens
    ]
    return {"content": content, "refusal": None}


def _named(token: TokenLogprob) -> dict[str, Any]:
    return {"token": token.token, "logprob": token.logprob, "bytes": list(token.token.encode())}

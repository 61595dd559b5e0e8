"""Responses: OpenAI's words to ours and back. Pure: no HTTP, no clock, no randomness.

`to_*` read what came over the wire; `from_*` and the envelope write what goes back. A stream is in events.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from gateway.dialects.failures import Failure
from gateway.dialects.openai.chat.translate import EFFORTS
from gateway.dialects.openai.described import with_description
from gateway.dialects.openai.responses.conversation import to_listed, to_messages
from gateway.dialects.openai.responses.items import Item, MessageItem, read_items
from gateway.dialects.openai.responses.output import Output, last_status
from gateway.dialects.openai.responses.schemas import LOGPROBS, ResponseRequest
from gateway.dialects.openai.responses.tools import to_shape, to_tools
from gateway.domain.content import Message
from gateway.domain.generation import Finished, GenerationRequest, Sampling, Thinking, Usage
from gateway.stored_responses import StoredResponse


def to_generation(wire: ResponseRequest, before: Sequence[Item], pictures: Sequence[bytes] = ()) -> GenerationRequest:
    """`before` are the items of previous responses; `pictures` are what the addresses of all items led to.

    Raises InvalidInput where fields contradict.
    """
    tools, choice = to_tools(wire.tools or (), wire.tool_choice)
    messages = to_messages(before, own_items(wire), pictures)
    if wire.instructions:
        messages.insert(0, Message.of("system", wire.instructions))
    shape = to_shape(wire.text)
    form = wire.text.format if wire.text else None
    effort = wire.reasoning.effort if wire.reasoning else None
    return GenerationRequest(
        wire.model,
        with_description(messages, form.name, form.description) if form else tuple(messages),
        Sampling(
            temperature=wire.temperature,
            top_p=wire.top_p,
            max_tokens=wire.max_output_tokens,
            logprobs=shown_logprobs(wire),
            structured_outputs=shape,
        ),
        bool(wire.stream),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=wire.parallel_tool_calls is not False,
        thinking=Thinking(*EFFORTS[effort]) if effort else Thinking(),
    )


def shown_logprobs(wire: ResponseRequest) -> int | None:
    """How many alternatives of each token; None is no probabilities at all."""
    return (wire.top_logprobs or 0) if LOGPROBS in (wire.include or ()) else None


def own_items(wire: ResponseRequest) -> Sequence[Item]:
    return [MessageItem(role="user", content=wire.input)] if isinstance(wire.input, str) else wire.items


def names_of(wire: ResponseRequest) -> dict[str, str]:
    """Our names of fields, and the client's where they are others."""
    flat = {
        f"tools[{place}].function.parameters": f"tools[{place}].parameters" for place in range(len(wire.tools or ()))
    }
    return flat | {
        "messages": "input",
        "image": "input",
        "response_format": "text.format",
        "structured_outputs": "text.format",
        "reasoning_effort": "reasoning.effort",
        "max_tokens": "max_output_tokens",
        "logprobs": "top_logprobs" if wire.top_logprobs else "include",
    }


def begun(wire: ResponseRequest, *, answer_id: str, created: int, store: bool) -> dict[str, Any]:
    """The response before it says anything."""
    text = wire.text.format.model_dump(by_alias=True, exclude_none=True) if wire.text and wire.text.format else None
    choice = wire.tool_choice
    return {
        "id": answer_id,
        "object": "response",
        "created_at": created,
        "completed_at": None,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": wire.instructions,
        "max_output_tokens": wire.max_output_tokens,
        "max_tool_calls": wire.max_tool_calls,
        "metadata": wire.metadata or {},
        "model": wire.model,
        "output": [],
        "parallel_tool_calls": wire.parallel_tool_calls is not False,
        "previous_response_id": wire.previous_response_id,
        "prompt_cache_key": wire.prompt_cache_key,
        "reasoning": {"effort": wire.reasoning.effort if wire.reasoning else None, "summary": None},
        "safety_identifier": wire.safety_identifier,
        "service_tier": "default",
        "store": store,
        "temperature": wire.temperature,
        "text": {"format": text or {"type": "text"}, "verbosity": "medium"},
        "tool_choice": choice.model_dump(exclude_none=True)
        if choice and not isinstance(choice, str)
        else choice or "auto",
        "tools": [tool.model_dump() | {"strict": bool(tool.strict)} for tool in wire.tools or ()],
        "top_logprobs": wire.top_logprobs or 0,
        "top_p": wire.top_p,
        "truncation": "disabled",
        "usage": None,
        "user": wire.user,
    }


def from_finished(response: Mapping[str, Any], output: Output, event: Finished, *, now: int) -> dict[str, Any]:
    """The response when it is done: whole, or cut by the limit on tokens."""
    status = last_status(event)
    return {
        **response,
        "status": status,
        "completed_at": now if status == "completed" else None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "output": output.listed(event),
        "usage": from_usage(event.usage),
    }


def from_broken(response: Mapping[str, Any], output: Output, failure: Failure) -> dict[str, Any]:
    """The response when it broke off, with what it had said until then."""
    code = "server_error"
    if failure.code == "overloaded":
        code = "rate_limit_exceeded"
    elif failure.status < 500:
        code = "invalid_prompt"
    items = [output.whole(item, "incomplete") for item in output.items]
    return {**response, "status": "failed", "error": {"code": code, "message": failure.message}, "output": items}


def from_usage(usage: Usage) -> dict[str, Any]:
    """Engines count neither what they found in their cache nor thoughts apart, so both are 0."""
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def to_stored(
    response: Mapping[str, Any], wire: ResponseRequest, before: Sequence[bytes], *, stem: str
) -> StoredResponse:
    """`before` are the items of previous responses, as bytes that are shared with them."""
    own = [orjson.dumps(each) for each in to_listed(own_items(wire), stem)]
    return StoredResponse(str(response["id"]), orjson.dumps(response), (*before, *own))


def items_after(stored: StoredResponse) -> tuple[bytes, ...]:
    """What the model was shown for that response and what it answered."""
    return (*stored.items, *(orjson.dumps(each) for each in orjson.loads(stored.response)["output"]))


def read_stored(items: Sequence[bytes]) -> list[Item]:
    return read_items([orjson.loads(each) for each in items])

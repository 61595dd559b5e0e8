"""The work of a request: it is made of its body, and the events of its answer or picture become pieces of its reply.

Knows bodies, events and pieces; does not know connections.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import structlog
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from gateway.dialects.failures import Failure, from_exception
from gateway.dialects.naming import named
from gateway.dialects.openai.chat.schemas import ChatCompletionRequest
from gateway.dialects.openai.chat.translate import from_logprobs, names_of
from gateway.dialects.openai.images.schemas import ImageGenerationRequest
from gateway.dialects.openai.images.translate import FIELDS
from gateway.dialects.websocket.bodies import Bodies
from gateway.dialects.websocket.reply import Reply
from gateway.dialects.websocket.sessions import Work
from gateway.domain.drawing import DrawEvent, Drawing, DrawProgress
from gateway.domain.generation import Event, Finished, ReasoningDelta, TextDelta
from gateway.domain.ports import Answering
from gateway.telemetry import Record, begin
from modelyard.errors import ModelyardError

log = structlog.get_logger(__name__)

Ended = Callable[[Record], None]


def answer_work(
    wire: ChatCompletionRequest, bodies: Bodies, answering: Answering, record: Record, ended: Ended
) -> Work:
    """The pieces `delta`, `reasoning` and `tool_call`, and `done` with why each choice ended and what it took."""

    async def work(reply: Reply) -> None:
        with named(names_of(wire), too_long="messages"):
            await tell(answering.answer(await bodies.to_generation(wire)), reply)

    async def tell(events: AsyncGenerator[Event, None], reply: Reply) -> None:
        async with aclosing(events):
            async for event in events:
                if isinstance(event, TextDelta):
                    if wire.logprobs:
                        # Not as a text that grows together with its neighbours: each has figures of its own.
                        figures = from_logprobs(event.logprobs, wire.top_logprobs)["content"]
                        await reply.add("delta", {"index": event.index, "text": event.text, "logprobs": figures})
                    else:
                        await reply.add("delta", {"index": event.index}, text=event.text)
                elif isinstance(event, ReasoningDelta):
                    if wire.include_reasoning is not False:
                        await reply.add("reasoning", {"index": event.index}, text=event.text)
                elif isinstance(event, Finished):
                    reply.end("done", {"finish_reasons": list(event.reasons), "usage": _usage(event)})
                else:
                    call = {"index": event.index, "call": event.call, "arguments": event.arguments}
                    if event.name is not None:
                        call |= {"call_id": event.id, "name": event.name}
                    await reply.add("tool_call", call)

    return _recorded(work, record, ended)


def picture_work(wire: ImageGenerationRequest, bodies: Bodies, drawing: Drawing, record: Record, ended: Ended) -> Work:
    """The pieces `progress`, and `done` with the pictures."""

    async def work(reply: Reply) -> None:
        with named(FIELDS, too_long="prompt"):
            await tell(drawing.draw(await bodies.to_draw(wire)), reply)

    async def tell(events: AsyncGenerator[DrawEvent, None], reply: Reply) -> None:
        async with aclosing(events):
            async for event in events:
                if isinstance(event, DrawProgress):
                    await reply.add("progress", {"share": round(event.share, 4)})
                else:
                    reply.end("done", {"images": list(event.images)})

    return _recorded(work, record, ended)


def failure_of(error: Exception, *, of_message: bool = False) -> Failure:
    """`of_message`: it is of a message itself, whose type pydantic puts before the names of its fields."""
    if isinstance(error, ValidationError):
        found = [{**each, "loc": ("body", *each["loc"][of_message:])} for each in error.errors(include_url=False)]
        return from_exception(RequestValidationError(found))
    return from_exception(error)


def form_of(failure: Failure) -> dict[str, Any]:
    return {"status": failure.status, "code": failure.code, "message": failure.message, "param": failure.param}


def _recorded(work: Work, record: Record, ended: Ended) -> Work:
    """The work with its record, and an end of its reply whatever happens."""

    async def whole(reply: Reply) -> None:
        begin(record)
        try:
            await work(reply)
            record.status = 200
        except asyncio.CancelledError:
            record.outcome = "cancelled"
            reply.end("done", {"finish_reasons": ["cancelled"]})
            raise
        except Exception as error:
            failure = failure_of(error)
            record.status, record.problem = failure.status, failure.message
            if not isinstance(error, ModelyardError | ValidationError):
                log.exception("an unexpected error in a WebSocket's request", id=record.request_id)
            reply.end("error", {"error": form_of(failure)})
        finally:
            ended(record)

    return whole


def _usage(event: Finished) -> dict[str, int]:
    return {"prompt_tokens": event.usage.prompt_tokens, "completion_tokens": event.usage.completion_tokens}

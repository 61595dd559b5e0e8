"""The events of an answer put together, for those who want it whole; several answers interleaved, for those who don't.

Knows events; does not know what a dialect makes of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from gateway.domain.content import ToolCall
from gateway.domain.generation import Event, Finished, ReasoningDelta, TextDelta, TokenLogprob, ToolCallDelta
from modelyard.errors import GenerationBroken


@dataclass(frozen=True)
class Sequenced:
    """One of the n sequences of an answer. `reasoning` is empty where the model did not think aloud."""

    text: str
    logprobs: tuple[TokenLogprob, ...]
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True)
class Whole:
    """A finished answer."""

    sequences: tuple[Sequenced, ...]
    finished: Finished


async def collect(events: AsyncGenerator[Event, None]) -> Whole:
    """The whole answer. Raises GenerationBroken when the events end without `Finished`."""
    sequences: dict[int, _Growing] = {}
    finished: Finished | None = None
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Finished):
                finished = event
            else:
                sequences.setdefault(event.index, _Growing()).add(event)
    if finished is None:
        raise GenerationBroken
    whole = (sequences.get(index, _Growing()).whole() for index in range(len(finished.reasons)))
    return Whole(tuple(whole), finished)


class _Growing:
    """A sequence while its deltas come."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._logprobs: list[TokenLogprob] = []
        self._thoughts: list[str] = []
        self._calls: list[tuple[str, str, list[str]]] = []  # id, name, pieces of the arguments

    def add(self, delta: TextDelta | ReasoningDelta | ToolCallDelta) -> None:
        if isinstance(delta, TextDelta):
            self._texts.append(delta.text)
            self._logprobs.extend(delta.logprobs)
        elif isinstance(delta, ReasoningDelta):
            self._thoughts.append(delta.text)
        else:
            if delta.call == len(self._calls):
                self._calls.append((delta.id or "", delta.name or "", []))
            self._calls[delta.call][2].append(delta.arguments)

    def whole(self) -> Sequenced:
        calls = tuple(ToolCall(key, name, "".join(pieces)) for key, name, pieces in self._calls)
        return Sequenced("".join(self._texts), tuple(self._logprobs), "".join(self._thoughts), calls)


async def interleave(answers: Sequence[AsyncGenerator[Event, None]]) -> AsyncGenerator[tuple[int, Event], None]:
    """The events of several answers as they come, each with the number of its answer. The first error ends them all."""
    if len(answers) == 1:
        async with aclosing(answers[0]) as only:
            async for event in only:
                yield 0, event
        return
    # Of size one: a reader that is slow slows the engines down instead of filling the memory.
    queue: asyncio.Queue[tuple[int, Event | Exception | None]] = asyncio.Queue(maxsize=1)

    async def pump(number: int, events: AsyncGenerator[Event, None]) -> None:
        try:
            async with aclosing(events):
                async for event in events:
                    await queue.put((number, event))
            await queue.put((number, None))
        except Exception as error:
            await queue.put((number, error))

    pumps = [asyncio.create_task(pump(number, events)) for number, events in enumerate(answers)]
    try:
        left = len(pumps)
        while left:
            number, event_or_end = await queue.get()
            if isinstance(event_or_end, Exception):
                raise event_or_end
            if event_or_end is None:
                left -= 1
            else:
                yield number, event_or_end
    finally:
        for each in pumps:
            each.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)

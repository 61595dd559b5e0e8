"""The use case, top to bottom: admission, residence, card, prompt, engine, parsing, account.

Knows no dialect and no tensors.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from gateway.admission import Admission
from gateway.domain.content import Message
from gateway.domain.generation import (
    EngineEvent,
    Event,
    Finished,
    GenerationRequest,
    Sampling,
    TextDelta,
    Timings,
    Tokens,
)
from gateway.domain.ports import AnswerParser, Engine, Models, Prompting, Residents
from gateway.models import ADAPTER_MARK
from gateway.telemetry import current_record
from modelyard.card import GENERATES_TEXT, ModelCard
from modelyard.errors import EngineError, EntryNotFound, InvalidInput, PromptTooLong

# For an entry that says nothing of its context; the engine's own default of 16 tokens would cut every answer off.
_MAX_TOKENS = 4096
# Fields of a generation_config.json that are ours under the same name.
_SAME_NAME = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "repetition_penalty",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "min_tokens",
)


class Answers:
    """Gives the events of an answer; fits `Answering` of the domain's ports. `on_answer` is told who has answered."""

    def __init__(
        self,
        models: Models,
        residents: Residents,
        prompting: Prompting,
        admission: Admission,
        engine: Engine,
        *,
        on_answer: Callable[[str], None] = lambda model: None,
    ) -> None:
        self._models = models
        self._residents = residents
        self._prompting = prompting
        self._admission = admission
        self._engine = engine
        self._on_answer = on_answer

    async def answer(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        record = current_record()
        with self._admission.slot():
            model, mark, adapter = request.model.partition(ADAPTER_MARK)
            async with self._residents.use(model, request.keep_alive_s) as load_s:
                begun = time.perf_counter()
                card = await self._models.card(model)
                if mark and adapter not in card.adapters:
                    raise EntryNotFound(
                        request.model, [model, *(f"{model}{ADAPTER_MARK}{each}" for each in card.adapters)]
                    )
                record.model = request.model
                if card.task not in GENERATES_TEXT:
                    raise InvalidInput(f"the model '{request.model}' does not generate text", field="model")
                sampling = replace(with_defaults(request.sampling, card), lora_name=adapter or None)
                asked = replace(request, sampling=sampling, prompt=with_system(request.prompt, card))
                prepared = await self._prompting.prepare(card, asked)
                events = self._engine.generate(model, prepared.asked, stream=request.stream)
                try:
                    async with aclosing(events):
                        async for event in parsed(events, prepared.parser) if prepared.parser else events:
                            if record.first_token_at is None:
                                record.first_token_at = time.perf_counter()
                            if isinstance(event, Finished):
                                record.account(event.usage)
                                self._on_answer(model)
                                event = replace(event, timings=_timings(load_s, begun, record.first_token_at))
                            yield event
                except PromptTooLong as error:
                    error.field = "messages" if isinstance(request.prompt, tuple) else "prompt"
                    raise
                except EngineError:
                    # A Triton that was restarted may have another entry under this name.
                    self._models.forget(model)
                    raise


async def parsed(
    events: AsyncGenerator[EngineEvent, None], parser: Callable[[int], AnswerParser]
) -> AsyncGenerator[Event, None]:
    """The engine's events with reasoning and tool calls found in their text."""
    parsers: dict[int, AnswerParser] = {}
    async for event in events:
        if isinstance(event, TextDelta):
            if event.index not in parsers:
                parsers[event.index] = parser(event.index)
            for found in parsers[event.index].feed(event):
                yield found
            continue
        reasons = list(event.reasons)
        for index, each in parsers.items():
            rest, reasons[index] = each.finish(reasons[index])
            for found in rest:
                yield found
        yield replace(event, reasons=tuple(reasons))


def _timings(load_s: float, begun: float, first: float) -> Timings:
    return Timings(load_s, max(0.0, first - begun), max(0.0, time.perf_counter() - first))


def with_defaults(sampling: Sampling, card: ModelCard) -> Sampling:
    """The checkpoint's own sampling where the client said nothing, and the whole context for the answer."""
    given = card.generation_defaults
    unset = {name: given[name] for name in _SAME_NAME if name in given and getattr(sampling, name) is None}
    if sampling.max_tokens is None:
        unset["max_tokens"] = given.get("max_new_tokens") or card.context_length or _MAX_TOKENS
    if sampling.stop is None and given.get("stop"):
        unset["stop"] = tuple(given["stop"])
    return replace(sampling, **unset)


def with_system(prompt: str | Tokens | tuple[Message, ...], card: ModelCard) -> str | Tokens | tuple[Message, ...]:
    """The model's own system message before a conversation that brings none."""
    if card.system is None or not isinstance(prompt, tuple):
        return prompt
    if any(message.role in ("system", "developer") for message in prompt):
        return prompt
    return (Message.of("system", card.system), *prompt)

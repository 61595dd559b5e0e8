"""The use case, top to bottom: card, prompt, admission, engine, account.

Knows no dialect and no tensors.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from gateway.admission import Admission
from gateway.domain.generation import Event, Finished, GenerationRequest, Sampling
from gateway.domain.ports import Engine, Models, PromptRenderer
from gateway.telemetry import current_record
from modelyard.card import TEXT_GENERATION, ModelCard
from modelyard.errors import EngineError, InvalidInput, PromptTooLong

# For an entry that says nothing of its context; the engine's own default of 16 tokens would cut every answer off.
_MAX_TOKENS = 4096
# Fields of a generation_config.json that are ours under the same name.
_SAME_NAME = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")


class Answers:
    """Gives the events of an answer; fits `Answering` of the domain's ports."""

    def __init__(self, models: Models, prompts: PromptRenderer, admission: Admission, engine: Engine) -> None:
        self._models = models
        self._prompts = prompts
        self._admission = admission
        self._engine = engine

    async def answer(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        record = current_record()
        with self._admission.slot():
            card = await self._models.card(request.model)
            record.model = request.model
            if card.task != TEXT_GENERATION:
                raise InvalidInput(f"the model '{request.model}' does not generate text", field="model")
            prompt = (
                request.prompt if isinstance(request.prompt, str) else await self._prompts.render(card, request.prompt)
            )
            sampling = with_defaults(request.sampling, card)
            events = self._engine.generate(request.model, prompt, sampling, stream=request.stream)
            try:
                async with aclosing(events):
                    async for event in events:
                        if record.first_token_at is None:
                            record.first_token_at = time.perf_counter()
                        if isinstance(event, Finished):
                            record.account(event.usage)
                        yield event
            except PromptTooLong as error:
                error.field = "messages" if isinstance(request.prompt, tuple) else "prompt"
                raise
            except EngineError:
                # A Triton that was restarted may have another entry under this name.
                self._models.forget(request.model)
                raise


def with_defaults(sampling: Sampling, card: ModelCard) -> Sampling:
    """The checkpoint's own sampling where the client said nothing, and the whole context for the answer."""
    given = card.generation_defaults
    unset = {name: given[name] for name in _SAME_NAME if name in given and getattr(sampling, name) is None}
    if sampling.max_tokens is None:
        unset["max_tokens"] = given.get("max_new_tokens") or card.context_length or _MAX_TOKENS
    return replace(sampling, **unset)

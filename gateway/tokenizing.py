"""The use case of tokens: what a prompt is to a model, without an answer.

Knows no dialect and no tensors.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.admission import Admission
from gateway.domain.embedding import Tokenizing
from gateway.domain.generation import GenerationRequest, Tokens
from gateway.domain.ports import Models, Prompting, Residents
from gateway.domain.tokenizing import Tokenized
from gateway.models import ADAPTER_MARK
from gateway.telemetry import current_record
from modelyard.card import FEATURE_EXTRACTION, GENERATES_TEXT, ModelCard
from modelyard.errors import EngineError, InvalidInput

_HAS_TOKENS = GENERATES_TEXT | {FEATURE_EXTRACTION}


class Tokenizes:
    """Fits `Tokenization` of the domain."""

    def __init__(
        self,
        models: Models,
        residents: Residents,
        prompting: Prompting,
        admission: Admission,
        tokenizer: Tokenizing,
    ) -> None:
        self._models = models
        self._residents = residents
        self._prompting = prompting
        self._admission = admission
        self._tokenizer = tokenizer

    async def tokenize(self, request: GenerationRequest, *, special_tokens: bool = True) -> Tokenized:
        async with self._loaded(request.model, request.keep_alive_s) as (name, card):
            prompt = request.prompt
            if isinstance(prompt, tuple):
                if card.task not in GENERATES_TEXT:
                    raise InvalidInput(f"the model '{request.model}' takes no messages", field="messages")
                prompt = (await self._prompting.prepare(card, request)).asked.prompt
            if isinstance(prompt, Tokens):
                return Tokenized(prompt.ids, card.context_length)
            ids = await self._tokenizer.tokenize(name, prompt, special_tokens=special_tokens)
            return Tokenized(tuple(ids), card.context_length)

    async def detokenize(self, model: str, ids: tuple[int, ...]) -> str:
        async with self._loaded(model, None) as (name, _):
            return await self._tokenizer.detokenize(name, ids) if ids else ""

    @asynccontextmanager
    async def _loaded(self, model: str, keep_alive_s: float | None) -> AsyncIterator[tuple[str, ModelCard]]:
        """The entry's name and its card. An adapter has the tokens of its model."""
        with self._admission.slot():
            name = model.partition(ADAPTER_MARK)[0]
            async with self._residents.use(name, keep_alive_s):
                card = await self._models.card(name)
                current_record().model = model
                if card.task not in _HAS_TOKENS:
                    raise InvalidInput(
                        f"the model '{model}' is for {card.task} and cannot be asked for tokens", field="model"
                    )
                try:
                    yield name, card
                except EngineError:
                    # A Triton that was restarted may have another entry under this name.
                    self._models.forget(name)
                    raise

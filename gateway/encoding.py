"""The use case of figures: a text's vector, the relevance of documents, the shares of labels.

Knows no dialect and no tensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from gateway.asking import Asking
from gateway.domain.embedding import (
    Classified,
    ClassifyRequest,
    EmbeddingRequest,
    Embeddings,
    Ranking,
    RankRequest,
)
from gateway.domain.generation import Usage
from gateway.telemetry import current_record
from modelyard.card import FEATURE_EXTRACTION, TEXT_CLASSIFICATION, TEXT_RANKING


class EncoderEngine(Protocol):
    """What is needed of the engine here; `model` is the entry's name."""

    async def embed(self, model: str, request: EmbeddingRequest) -> Embeddings: ...

    async def rank(self, model: str, request: RankRequest) -> Ranking: ...

    async def classify(self, model: str, request: ClassifyRequest) -> Classified: ...


class Encodes:
    """Fits `Encoding` of the domain."""

    def __init__(self, asking: Asking, engine: EncoderEngine) -> None:
        self._asking = asking
        self._engine = engine

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        asked = self._asking.model(
            request.model, request.keep_alive_s, task=FEATURE_EXTRACTION, can="make embeddings of texts"
        )
        async with asked as ready:
            found = await self._engine.embed(ready.name, request)
            _account(found.tokens)
            return replace(found, load_s=ready.load_s)

    async def rank(self, request: RankRequest) -> Ranking:
        asked = self._asking.model(request.model, request.keep_alive_s, task=TEXT_RANKING, can="rank documents")
        async with asked as ready:
            found = await self._engine.rank(ready.name, request)
            _account(found.tokens)
            return found

    async def classify(self, request: ClassifyRequest) -> Classified:
        asked = self._asking.model(request.model, request.keep_alive_s, task=TEXT_CLASSIFICATION, can="classify texts")
        async with asked as ready:
            found = await self._engine.classify(ready.name, request)
            _account(found.tokens)
            return found


def _account(tokens: Sequence[int]) -> None:
    current_record().account(Usage(prompt_tokens=sum(tokens)))

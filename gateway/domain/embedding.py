"""Texts to figures in one pass: vectors, relevance to a query, shares of labels. And who does it.

Knows neither HTTP nor tensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from gateway.domain.generation import Tokens


@dataclass(frozen=True)
class EmbeddingRequest:
    """`dimensions` None keeps all; `input_type` puts the checkpoint's own prompt for that use in front."""

    model: str
    texts: tuple[str | Tokens, ...]
    dimensions: int | None = None
    input_type: Literal["query", "document"] | None = None
    truncate: bool = True
    keep_alive_s: float | None = None


@dataclass(frozen=True)
class Embeddings:
    """`vectors` are little-endian FP32, one after the other, `size` numbers each; tokens are counted per text."""

    vectors: bytes
    size: int
    tokens: tuple[int, ...]
    load_s: float = 0.0

    def vector(self, place: int) -> bytes:
        return self.vectors[place * self.size * 4 : (place + 1) * self.size * 4]


@dataclass(frozen=True)
class RankRequest:
    """Documents to be scored against one query."""

    model: str
    query: str
    documents: tuple[str, ...]
    keep_alive_s: float | None = None


@dataclass(frozen=True)
class Ranking:
    """A score for each document, in their order; higher is closer."""

    scores: tuple[float, ...]
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class ClassifyRequest:
    model: str
    texts: tuple[str, ...]
    keep_alive_s: float | None = None


@dataclass(frozen=True)
class Classified:
    """For each text the share of each label, in the order of `labels`."""

    labels: tuple[str, ...]
    scores: tuple[tuple[float, ...], ...]
    tokens: tuple[int, ...]


class Encoding(Protocol):
    """Raises EntryNotFound, InvalidInput (also for a model of another task) and EngineError."""

    async def embed(self, request: EmbeddingRequest) -> Embeddings: ...

    async def rank(self, request: RankRequest) -> Ranking: ...

    async def classify(self, request: ClassifyRequest) -> Classified: ...


class Tokenizing(Protocol):
    """A model's own tokenizer, asked through its engine."""

    async def tokenize(self, model: str, text: str, *, special_tokens: bool = True) -> Sequence[int]: ...

    async def detokenize(self, model: str, ids: Sequence[int]) -> str: ...

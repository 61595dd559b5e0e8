"""A text as a model's tokens, and back: what is asked, and who does it.

Knows neither HTTP nor tensors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gateway.domain.generation import GenerationRequest


@dataclass(frozen=True)
class Tokenized:
    """`context_length` is what the model reads at most, None where it does not say."""

    ids: tuple[int, ...]
    context_length: int | None = None


class Tokenization(Protocol):
    """Raises EntryNotFound, InvalidInput (also where the model's engine has no such thing) and EngineError."""

    async def tokenize(self, request: GenerationRequest, *, special_tokens: bool = True) -> Tokenized:
        """The tokens of a prompt, just as the model would read it: messages go through its chat template."""
        ...

    async def detokenize(self, model: str, ids: tuple[int, ...]) -> str: ...

"""What the parts need of one another, as protocols; `app.py` puts the real ones in.

Dialects know `Answering`, `Chatting` and `Catalog`; answering knows `Engine`, `Models` and `PromptRenderer`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.domain.content import Message
from gateway.domain.generation import Event, Finished, GenerationRequest, Sampling, TextDelta
from modelyard.card import ModelCard


class Answering(Protocol):
    """Gives the events of an answer; closing the generator cancels the work in the engine."""

    def answer(self, request: GenerationRequest) -> AsyncGenerator[Event, None]: ...


@dataclass(frozen=True)
class ServedModel:
    """A model of the repository, loaded or not. `created` is in seconds since 1970, 0 where that is not known."""

    name: str
    created: int = 0


class Catalog(Protocol):
    """The models that may be asked for."""

    async def served(self) -> Sequence[ServedModel]: ...

    async def find(self, name: str) -> ServedModel:
        """The model of that name. Raises EntryNotFound."""
        ...


@dataclass(frozen=True)
class Remembered:
    """The last event of a turn of /chat, after `Finished`: the turn is in the conversation, which has so many now."""

    turns: int


@dataclass(frozen=True)
class Turn:
    """A message of one user's conversation. `model` None is the default one."""

    user_id: str
    message: str
    model: str | None = None
    sampling: Sampling = Sampling()  # noqa: RUF009 - it is frozen
    stream: bool = False


@dataclass(frozen=True)
class Speaker:
    """The first event of a turn of /chat: the model that answers."""

    model: str


ChatEvent = Speaker | TextDelta | Finished | Remembered


class Chatting(Protocol):
    """Gives the events of one turn; a turn that did not come to its end leaves the conversation as it was."""

    def say(self, turn: Turn) -> AsyncGenerator[ChatEvent, None]: ...

    async def forget(self, user_id: str) -> None: ...


class PromptRenderer(Protocol):
    """Messages in, the model's prompt out."""

    async def render(self, card: ModelCard, messages: Sequence[Message]) -> str: ...


class Models(Protocol):
    """What is known of the models."""

    async def card(self, name: str) -> ModelCard:
        """The card of a model, which is loaded if need be. Raises EntryNotFound and EngineError."""
        ...

    def forget(self, name: str) -> None:
        """Have the card read again at the next request."""
        ...


class Engine(Protocol):
    """Gives the events of a prompt; closing the generator cancels the work."""

    def generate(self, model: str, prompt: str, sampling: Sampling, *, stream: bool) -> AsyncGenerator[Event, None]: ...

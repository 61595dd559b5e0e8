"""What the parts need of one another, as protocols; `app.py` puts the real ones in.

Dialects know `Answering`, `Chatting` and `Catalog`; answering knows `Engine`, `Models`, `Prompting` and
`Residents`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.domain.generation import (
    EngineEvent,
    Event,
    Finished,
    FinishReason,
    GenerationRequest,
    Sampling,
    TextDelta,
    Tokens,
)
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


class LoadPicture(Protocol):
    async def __call__(self, url: str, *, within: int | None = None) -> bytes:
        """The bytes of the PNG, JPEG or WebP file at a data URL, or at another where those are allowed; a GIF is PNG.

        `within` pixels a side it is made smaller to fit. Raises InvalidInput.
        """
        ...


# A picture's bytes as `LoadPicture` gives them. Raises InvalidInput.
CheckPicture = Callable[[bytes], Awaitable[bytes]]


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


@dataclass(frozen=True)
class Asked:
    """What a language model's engine is asked: a prompt as it stands, and images for the places it has for them."""

    prompt: str | Tokens
    sampling: Sampling = Sampling()  # noqa: RUF009 - it is frozen
    images: tuple[bytes, ...] = ()


class AnswerParser(Protocol):
    """Finds reasoning and tool calls in the text of one sequence, in whatever pieces it comes."""

    def feed(self, delta: TextDelta) -> Sequence[Event]: ...

    def finish(self, reason: FinishReason) -> tuple[Sequence[Event], FinishReason]:
        """What was held back, and why the sequence ended, now that the parser knows what it held."""
        ...


@dataclass(frozen=True)
class Prepared:
    """What the engine is asked, and how its text is read; `parser` makes one for each sequence, by its index, and is
    None where the text is the answer as it stands."""

    asked: Asked
    parser: Callable[[int], AnswerParser] | None = None


class Prompting(Protocol):
    """From a request to what its model reads."""

    async def prepare(self, card: ModelCard, request: GenerationRequest) -> Prepared:
        """Raises InvalidInput, with the field, for what this model cannot do."""
        ...


@dataclass(frozen=True)
class Resident:
    """A model in memory. `expires` None is for ever; `size` is bytes, as far as it is known; times are in UTC."""

    name: str
    loaded: datetime
    expires: datetime | None
    size: int | None = None
    requests: int = 0


class Residents(Protocol):
    """The models in memory."""

    async def resident(self) -> Sequence[Resident]:
        """Those that are loaded now, as the Tritons say."""
        ...

    async def release(self, model: str) -> None:
        """Unload it when the answers in progress are done. Raises EntryNotFound."""
        ...

    def use(self, model: str, keep_alive_s: float | None) -> AbstractAsyncContextManager[float]:
        """While the block runs the model is loaded and stays so; gives the seconds that loading took.

        `keep_alive_s` is how long it stays after that: None as configured. Raises EntryNotFound, EngineError, and
        Overloaded when too many wait for the load.
        """
        ...


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

    def generate(self, model: str, asked: Asked, *, stream: bool) -> AsyncGenerator[EngineEvent, None]: ...

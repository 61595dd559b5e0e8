"""The library of a gateway whose models are on other hosts: it tells what their Tritons say, and changes nothing.

Knows cards; does not know how a Triton is asked.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime, timezone
from typing import NoReturn, Protocol

from gateway.domain.library import InstalledModel, JobProgress, PullRequest, VariantRequest
from gateway.library.jobs import Pulls
from modelyard.card import ModelCard
from modelyard.errors import EntryNotFound, NoRepository


class Tritons(Protocol):
    """What is needed of the engine here."""

    async def index(self) -> dict[str, bool]: ...

    async def card_if_loaded(self, model: str) -> ModelCard | None: ...


class RemoteLibrary:
    """Fits `Library` of the domain; `pulls` is its `Jobs`, and takes none. A model is described while it is loaded."""

    def __init__(self, tritons: Tritons) -> None:
        self._tritons = tritons
        self.pulls = Pulls(_refused, may_change=_refuse, limit=1)

    async def installed(self) -> Sequence[InstalledModel]:
        index = await self._tritons.index()
        return [await self._described(name, loaded=loaded) for name, loaded in sorted(index.items())]

    async def find(self, name: str) -> InstalledModel:
        index = await self._tritons.index()
        if name not in index:
            raise EntryNotFound(name, list(index))
        return await self._described(name, loaded=index[name])

    def pull(self, request: PullRequest) -> AsyncGenerator[JobProgress, None]:
        return self.pulls.pull(request)

    async def copy(self, source: str, target: str) -> None:
        _refuse()

    async def remove(self, name: str) -> None:
        await self.find(name)
        _refuse()

    async def create(self, request: VariantRequest) -> AsyncGenerator[JobProgress, None]:
        _refuse()
        yield JobProgress("")  # makes this a generator

    async def _described(self, name: str, *, loaded: bool) -> InstalledModel:
        card = await self._tritons.card_if_loaded(name) if loaded else None
        if card is None:
            return InstalledModel(name, ModelCard())
        made = datetime.fromtimestamp(card.created, timezone.utc) if card.created else None
        return InstalledModel(name, card, modified=made, system=card.system)


def _refuse() -> NoReturn:
    raise NoRepository


async def _refused(*_: object) -> None:
    _refuse()

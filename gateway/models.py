"""The models that may be asked for, and their cards, which Triton hands on and which are kept for a few seconds.

Knows names and cards; does not know how Triton is asked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.domain.library import InstalledModel
from gateway.domain.ports import ServedModel
from modelyard.card import ModelCard
from modelyard.errors import EntryNotFound

# An entry that was replaced behind our back is seen after so many seconds; asking each time costs the first token 1 ms.
_FRESH_S = 10.0

# Between a model's name and its adapter's, where Ollama has a tag; no folder of a repository has it in its name.
ADAPTER_MARK = ":"


class Triton(Protocol):
    """What is needed of the engine here."""

    async def card(self, model: str) -> ModelCard: ...

    async def card_if_loaded(self, model: str) -> ModelCard | None: ...

    async def index(self) -> dict[str, bool]: ...


@dataclass
class _Known:
    card: ModelCard
    until: float


async def _nothing() -> Sequence[InstalledModel]:
    return ()


class ServedModels:
    """Names and cards. Fits `Catalog` and `Models` of the domain's ports."""

    def __init__(self, triton: Triton, installed: Callable[[], Awaitable[Sequence[InstalledModel]]] = _nothing) -> None:
        """`installed` tells what the entries on this machine say, of models that Triton has not loaded."""
        self._triton = triton
        self._installed = installed
        self._known: dict[str, _Known] = {}
        self._seen: dict[str, ModelCard] = {}
        self._asking: dict[str, asyncio.Task[ModelCard]] = {}

    async def card(self, name: str) -> ModelCard:
        known = self._known.get(name)
        if known is not None and time.monotonic() < known.until:
            return known.card
        # Triton's own check of a name allows more than a folder can be called; nothing of that sort exists.
        if not name or "/" in name or name in (".", "..") or "\0" in name:
            raise EntryNotFound(name, list(await self._triton.index()))
        task = self._asking.get(name)
        if task is None:
            task = self._asking[name] = asyncio.create_task(self._ask(name), name=f"card {name}")
            task.add_done_callback(lambda done: self._done(name, done))
        return await asyncio.shield(task)

    def forget(self, name: str) -> None:
        self._known.pop(name, None)
        self._seen.pop(name, None)

    async def served(self) -> Sequence[ServedModel]:
        """Every model, and every adapter of a model as `model:adapter`."""
        index = await self._triton.index()
        for name, loaded in index.items():
            if loaded and name not in self._seen and (card := await self._triton.card_if_loaded(name)) is not None:
                self._seen[name] = card
        cards = {model.name: model.card for model in await self._installed()} | self._seen
        listed = []
        for name in sorted(index):
            card = cards.get(name, ModelCard())
            variants = [f"{name}{ADAPTER_MARK}{adapter}" for adapter in card.adapters]
            listed += [ServedModel(each, card.created) for each in (name, *variants)]
        return listed

    async def find(self, name: str) -> ServedModel:
        models = await self.served()
        for model in models:
            if model.name == name:
                return model
        raise EntryNotFound(name, [model.name for model in models])

    async def default(self, wanted: str | None) -> str:
        """The model of a request that names none: the wanted one, else the first that is loaded, else the first."""
        if wanted is not None:
            return wanted
        index = await self._triton.index()
        if not index:
            raise EntryNotFound("default", [])
        return min(index, key=lambda name: (not index[name], name))

    async def _ask(self, name: str) -> ModelCard:
        card = await self._triton.card(name)
        self._known[name] = _Known(card, time.monotonic() + _FRESH_S)
        self._seen[name] = card
        return card

    def _done(self, name: str, task: asyncio.Task[ModelCard]) -> None:
        self._asking.pop(name, None)
        if not task.cancelled():
            task.exception()  # seen, even when everybody has stopped waiting

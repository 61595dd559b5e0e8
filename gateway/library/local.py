"""What is installed in this host's repository, and the changes to it that callers may ask for.

Has a model unloaded before its files go, and what is known of it read anew afterwards. Knows no dialect.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from pathlib import Path

from gateway.domain.content import Message
from gateway.domain.generation import GenerationRequest
from gateway.domain.library import InstalledModel, JobProgress, PullRequest, VariantRequest
from gateway.domain.ports import Models, Prompting, Residents
from gateway.library import child
from gateway.library.jobs import Pulls
from gateway.library.shelf import Shelf
from gateway.library.wishes import Wish, to_changes
from modelyard.card import ModelCard
from modelyard.catalog.copying import copy
from modelyard.catalog.removal import remove
from modelyard.catalog.variants import Changes, changed, make_variant
from modelyard.errors import EntryBusy, EntryExists, EntryInUse, EntryNotFound, InvalidInput, ModelyardError, NotAllowed
from modelyard.settings import Settings


class LocalLibrary:
    """Fits `Library` of the domain; `pulls` is its `Jobs`."""

    def __init__(self, settings: Settings, *, models: Models, residents: Residents, prompting: Prompting) -> None:
        self._settings = settings
        self._models = models
        self._residents = residents
        self._prompting = prompting
        self._shelf = Shelf(settings.model_repository)
        self.pulls = Pulls(self._bring, may_change=self._may_change, limit=settings.pull_limit)

    @property
    def _repository(self) -> Path:
        return self._settings.model_repository

    async def installed(self) -> Sequence[InstalledModel]:
        return await asyncio.to_thread(self._shelf.installed)

    async def find(self, name: str) -> InstalledModel:
        return await asyncio.to_thread(self._shelf.find, name)

    def pull(self, request: PullRequest) -> AsyncGenerator[JobProgress, None]:
        return self.pulls.pull(request)

    async def copy(self, source: str, target: str) -> None:
        self._may_change()
        await self.find(source)
        try:
            await asyncio.to_thread(copy, self._repository, source, target)
        except EntryExists as error:
            error.hint = "remove it first, or choose another name"  # the command line has an option for that
            raise
        self._models.forget(target)

    async def remove(self, name: str) -> None:
        self._may_change()
        await self.find(name)
        if self.pulls.is_making(name):
            raise EntryBusy(name)
        with suppress(EntryNotFound):
            await self._residents.release(name)
        try:
            await asyncio.to_thread(remove, self._repository, name)
        except EntryInUse as error:
            error.hint = "unload it in that service, or stop the service, first"
            raise
        finally:
            self._models.forget(name)

    async def create(self, request: VariantRequest) -> AsyncGenerator[JobProgress, None]:
        self._may_change()
        changes = to_changes(request)
        if self.pulls.is_making(request.name):
            raise EntryBusy(request.name)
        yield JobProgress(f"reading {request.base}")
        base = await self.find(request.base)
        if request.template is not None:
            await self._check_template(request.base, base.card, changes)
        yield JobProgress(f"sharing the files of {request.base}")
        await asyncio.to_thread(make_variant, self._repository, request.base, request.name, changes, force=True)
        await self._replaced(request.name)
        yield JobProgress("publishing")

    async def _check_template(self, base: str, card: ModelCard, changes: Changes) -> None:
        """A template that fails with the plainest conversation would fail with every request."""
        plainest = GenerationRequest(base, (Message.of("user", "Hello"),))
        try:
            await self._prompting.prepare(changed(card, changes), plainest)
        except ModelyardError as error:
            raise InvalidInput(error.message, field="template", hint=error.hint) from error

    async def _bring(self, wish: Wish, tell: Callable[[JobProgress], None]) -> None:
        if await child.pull(self._settings, wish, tell):
            await self._replaced(wish.name)

    async def _replaced(self, name: str) -> None:
        """Another entry has the name now: what is in memory is the old one."""
        self._models.forget(name)
        with suppress(ModelyardError):  # it was not loaded, or no Triton is there to have it
            await self._residents.release(name)

    def _may_change(self) -> None:
        if not self._settings.allow_pull:
            raise NotAllowed("changing the models over HTTP", "MODELYARD_ALLOW_PULL=true")

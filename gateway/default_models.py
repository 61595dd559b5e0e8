"""The model of a request that names none: the first of its task.

Knows names and cards; loads nothing to find out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from gateway.domain.library import InstalledModel
from gateway.domain.ports import Models
from modelyard.errors import InvalidInput


class DefaultModels:
    """`index` tells every model that is served and whether it is loaded; `installed` what is known of their entries,
    as far as they lie on this machine."""

    def __init__(
        self,
        index: Callable[[], Awaitable[Mapping[str, bool]]],
        models: Models,
        installed: Callable[[], Awaitable[Sequence[InstalledModel]]],
    ) -> None:
        self._index = index
        self._models = models
        self._installed = installed

    async def of(self, task: str) -> str:
        """One that is loaded goes before one that is not. Raises InvalidInput where there is none."""
        index = await self._index()
        tasks = {model.name: model.card.task for model in await self._installed()}
        for name in sorted(index, key=lambda name: (not index[name], name)):
            if name not in tasks and index[name]:
                tasks[name] = (await self._models.card(name)).task
            if tasks.get(name) == task:
                return name
        raise InvalidInput(
            f"'model' is missing, and no model for {task} is installed",
            field="model",
            hint="name one, or install one with 'modelyard pull'",
        )

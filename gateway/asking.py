"""What every use case does round its engine: admission, residence, card, the model's task, and the account of it.

Knows models and records; does not know what is asked of a model.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from gateway.admission import Admission
from gateway.domain.ports import Models, Residents
from gateway.models import ADAPTER_MARK
from gateway.telemetry import current_record
from modelyard.card import ModelCard
from modelyard.errors import EngineError, EntryNotFound, InvalidInput


@dataclass(frozen=True)
class Ready:
    """A loaded model; `name` is its entry's, `adapter` the one that was asked for with it."""

    name: str
    card: ModelCard
    adapter: str | None = None
    load_s: float = 0.0


class Asking:
    """Lets a request in and its model be loaded. `on_answer` is told who has answered."""

    def __init__(
        self,
        models: Models,
        residents: Residents,
        admission: Admission,
        *,
        on_answer: Callable[[str], None] = lambda model: None,
    ) -> None:
        self._models = models
        self._residents = residents
        self._admission = admission
        self._on_answer = on_answer

    @asynccontextmanager
    async def model(self, asked: str, keep_alive_s: float | None, *, task: str, can: str) -> AsyncIterator[Ready]:
        """The model, while the block runs. `can` says what a model of this task does, for the refusal of another.

        Raises EntryNotFound, InvalidInput, EngineError and Overloaded.
        """
        with self._admission.slot():
            name, mark, adapter = asked.partition(ADAPTER_MARK)
            async with self._residents.use(name, keep_alive_s) as load_s:
                card = await self._models.card(name)
                if mark and adapter not in card.adapters:
                    raise EntryNotFound(asked, [name, *(f"{name}{ADAPTER_MARK}{each}" for each in card.adapters)])
                current_record().model = asked
                if card.task != task:
                    raise InvalidInput(
                        f"the model '{asked}' does not {can}: it is for {card.task}",
                        field="model",
                        hint=f"ask a model for {task}",
                    )
                try:
                    yield Ready(name, card, adapter or None, load_s)
                except EngineError:
                    # A Triton that was restarted may have another entry under this name.
                    self._models.forget(name)
                    raise
                self._on_answer(name)

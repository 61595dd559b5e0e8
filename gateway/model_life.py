"""Which models are in memory and for how long. Knows models and times; does not know how a Triton loads one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from gateway.domain.ports import Resident


class ModelLife:
    """Fits `Residents` of the domain's ports."""

    async def resident(self) -> Sequence[Resident]:
        return []

    async def release(self, model: str) -> None:
        return None

    @asynccontextmanager
    async def use(self, model: str, keep_alive_s: float | None) -> AsyncIterator[float]:
        yield 0.0

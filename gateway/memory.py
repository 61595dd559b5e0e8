"""The memory that models may take on this host, and what each of them is thought to need.

Knows files and bytes; does not know which models are loaded.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Protocol

from modelyard import footprint
from modelyard.host import free_memory


class Memory(Protocol):
    """Of the Tritons' hosts. Bytes; None is not known."""

    limit: int  # for all models together; 0 is none but what is free

    async def needed(self, model: str) -> int | None: ...

    async def size(self, model: str) -> int | None: ...

    async def free(self) -> int | None: ...


class OfThisHost:
    """Where the embedded Triton takes its memory."""

    def __init__(self, repository: Path, *, limit: int) -> None:
        self._repository = repository
        self.limit = limit

    async def needed(self, model: str) -> int | None:
        """What the model will take once it is loaded."""
        entry = footprint.installed(self._repository, model)
        return None if entry is None else await asyncio.to_thread(footprint.memory_of, entry)

    async def size(self, model: str) -> int | None:
        """The weights on disk."""
        entry = footprint.installed(self._repository, model)
        return None if entry is None else await asyncio.to_thread(footprint.weights_of, entry)

    async def free(self) -> int | None:
        return await asyncio.to_thread(free_memory)


class Elsewhere:
    """Of hosts that do not tell; their Tritons refuse a load that does not fit."""

    limit = 0

    async def needed(self, model: str) -> int | None:
        return None

    async def size(self, model: str) -> int | None:
        return None

    async def free(self) -> int | None:
        return None

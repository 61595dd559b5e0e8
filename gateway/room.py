"""Whether one more model fits: by the number of those in memory, and by the bytes that all are thought to need.

Knows stays and bytes; does not know how to unload anything.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.memory import Memory
from gateway.stays import Stay
from modelyard.errors import NoRoom


class Room:
    """`max_loaded` 0 is any number."""

    def __init__(self, memory: Memory, *, max_loaded: int = 0) -> None:
        self.memory = memory
        self._max_loaded = max_loaded

    async def lack(self, newcomer: Stay, others: Sequence[Stay], removable: Sequence[Stay]) -> str | None:
        """What is lacking beside the others; None when it fits. Raises NoRoom where no removal would help."""
        if self._max_loaded and len(others) >= self._max_loaded:
            return f"max_loaded_models is {self._max_loaded}"
        if not newcomer.memory:
            return None
        left = await self._left(others)
        if left is None or newcomer.memory <= left:
            return None
        lack = f"it needs about {_gib(newcomer.memory)}, {_gib(max(0, left))} are free"
        if newcomer.memory > left + sum(each.memory for each in removable):
            raise NoRoom(newcomer.model, lack, [each.model for each in others])
        return lack

    async def _left(self, others: Sequence[Stay]) -> int | None:
        """Bytes for one more model; None is not known."""
        left = await self.memory.free()
        if left is not None:
            # Those that are being loaded have not taken all of theirs yet.
            left -= sum(each.memory for each in others if each.loaded is None)
        if not self.memory.limit:
            return left
        within = self.memory.limit - sum(each.memory for each in others)
        return within if left is None else min(left, within)


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"

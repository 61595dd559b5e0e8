"""Files that are handed out by an address for a while: who keeps them, and keeping them in memory.

Knows bytes and times; does not know HTTP nor what is in a file.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class KeptFile:
    data: bytes
    media_type: str


class KeptFiles(Protocol):
    """Keeps files for `seconds`; it may let go of one before, when it has no room."""

    seconds: int

    async def keep(self, file: KeptFile) -> str:
        """The name to find it by, which cannot be guessed."""
        ...

    async def find(self, name: str) -> KeptFile | None: ...


class InMemoryFiles:
    """Fits `KeptFiles`. Of more than `most_bytes` the oldest go; the newest always stays."""

    def __init__(self, most_bytes: int, *, seconds: int = 3600, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._most_bytes = most_bytes
        self._clock = clock
        self._files: OrderedDict[str, tuple[float, KeptFile]] = OrderedDict()
        self._bytes = 0

    async def keep(self, file: KeptFile) -> str:
        name = secrets.token_urlsafe(24)
        self._files[name] = (self._clock() + self.seconds, file)
        self._bytes += len(file.data)
        while self._bytes > self._most_bytes and len(self._files) > 1:
            self._drop_oldest()
        self._drop_expired()
        return name

    async def find(self, name: str) -> KeptFile | None:
        self._drop_expired()
        found = self._files.get(name)
        return found[1] if found is not None else None

    def _drop_expired(self) -> None:
        # All are kept for the same time, so the oldest is the first to expire.
        while self._files and next(iter(self._files.values()))[0] <= self._clock():
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        _, (_, file) = self._files.popitem(last=False)
        self._bytes -= len(file.data)

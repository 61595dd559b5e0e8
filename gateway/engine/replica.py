"""One Triton of several, and what is believed of it: whether it answers, what it has loaded, how busy it is.

Knows nothing of the others.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from gateway.engine.client import TritonClient
from gateway.engine.residency import Residency
from modelyard.errors import EngineError, EngineTimeout, EngineUnavailable, EntryNotFound

log = structlog.get_logger(__name__)

_POLL_S = 2.0  # how often a ready Triton is asked
_FIRST_RETRY_S, _LAST_RETRY_S = 0.25, 4.0  # how often one that is away is asked, with growing pauses


class Replica:
    """One Triton and what is believed of it. A belief only orders the choice: the last one left is always tried."""

    def __init__(self, url: str, *, load_timeout_s: float, ready: bool) -> None:
        self.client = TritonClient(url)
        self.residency = Residency(self.client, load_timeout_s=load_timeout_s)
        self._ready = ready
        self._was_away = not ready  # whoever noticed it: its models are to be loaded again when it is back
        self.loaded: frozenset[str] = frozenset()  # as its index last said
        self.in_flight = 0

    async def index(self) -> dict[str, bool]:
        """Every model of its repository, and whether it is loaded."""
        try:
            index = await self.client.index()
        except (EngineUnavailable, EngineTimeout):
            self.ready = False
            raise
        self.ready = True
        self.loaded = frozenset(name for name, loaded in index.items() if loaded)
        return index

    async def load(self, model: str) -> None:
        """Raises EntryNotFound, and EngineError with Triton's reason."""
        index = await self.index()
        if model not in index:
            raise EntryNotFound(model, list(index))
        # A Triton that loads its models by itself refuses to be told to, and need not be.
        if not index[model]:
            await self.residency.load(model)
        self.loaded |= {model}

    async def unload(self, model: str) -> None:
        index = await self.index()
        if index.get(model):
            await self.residency.unload(model)
        self.loaded -= {model}

    @property
    def ready(self) -> bool:
        return self._ready

    @ready.setter
    def ready(self, ready: bool) -> None:
        self._ready = ready
        if not ready:
            self._was_away = True
            self.loaded = frozenset()  # one that was started again has nothing

    async def watch(self, on_return: Callable[[Replica], Awaitable[None]]) -> None:
        """Keep `ready` true to life; `on_return` is called when it answers after having been away."""
        pause_s = _POLL_S if self._ready else 0.0
        away_is_known = not self._ready
        while True:
            await asyncio.sleep(pause_s)
            self.ready = await self.client.is_live()
            if self._ready:
                pause_s, away_is_known = _POLL_S, False
                if self._was_away:
                    self._was_away = False
                    log.info("Triton is ready", triton=self.client.target)
                    with contextlib.suppress(EngineError):
                        await self.index()
                    await on_return(self)
            elif away_is_known:
                pause_s = min(max(pause_s, _FIRST_RETRY_S) * 2, _LAST_RETRY_S)
            else:
                pause_s, away_is_known = _FIRST_RETRY_S, True
                log.info("Triton is away", triton=self.client.target)

    async def close(self) -> None:
        """Ends what is in progress."""
        await self.residency.close()
        await self.client.close()

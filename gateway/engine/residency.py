"""Has a model loaded in one Triton: once, however many ask, and again when its backend has died; and unloaded.

Knows when to load; does not know which Triton to choose.
"""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from gateway.engine.client import TritonClient
from modelyard.errors import EngineError

log = structlog.get_logger(__name__)


class Residency:
    """The loads of one Triton. `life` counts the times that a model was mended, so that each death is mended once."""

    def __init__(self, client: TritonClient, *, load_timeout_s: float) -> None:
        self._client = client
        self._load_timeout_s = load_timeout_s
        self._loading: dict[str, asyncio.Task[None]] = {}
        self._lives: dict[str, int] = {}

    def life(self, model: str) -> int:
        return self._lives.get(model, 0)

    async def load(self, model: str) -> None:
        """Load a model, or wait for the load that is in progress. Raises EngineError with Triton's reason."""
        await self._once(model, fresh=False)

    async def mend(self, model: str, life: int) -> None:
        """Start the backend of a model anew, unless somebody has done so since `life`."""
        if self.life(model) == life:
            await self._once(model, fresh=True)

    async def unload(self, model: str) -> None:
        """Returns when the model's memory is free again. Raises EngineError."""
        if (loading := self._loading.get(model)) is not None:
            await asyncio.wait({loading})
        await self._client.unload(model)
        await self._client.unloaded(model, self._load_timeout_s)

    async def _once(self, model: str, *, fresh: bool) -> None:
        task = self._loading.get(model)
        if task is None:
            task = asyncio.create_task(self._load(model, fresh=fresh), name=f"load {model}")
            self._loading[model] = task
            task.add_done_callback(lambda done: self._done(model, done))
        # One who stops waiting must not stop the load that others wait for.
        await asyncio.shield(task)

    def _done(self, model: str, task: asyncio.Task[None]) -> None:
        self._loading.pop(model, None)
        if not task.cancelled():
            task.exception()  # seen, even when everybody has stopped waiting

    async def _load(self, model: str, *, fresh: bool) -> None:
        if fresh:
            log.warning("the backend of a model died and is started again", model=model, triton=self._client.target)
            self._lives[model] = self.life(model) + 1
            self._client.condemn(model)
            # Loading what is loaded changes nothing for Triton, so it goes first.
            with contextlib.suppress(EngineError):
                await self._client.unload(model)
        await self._client.load(model, self._load_timeout_s)

    async def close(self) -> None:
        for task in list(self._loading.values()):
            task.cancel()
        await asyncio.gather(*self._loading.values(), return_exceptions=True)

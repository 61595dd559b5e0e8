"""Which models are in memory and for how long: loaded by their first request, unloaded when idle or for another one.

Knows models, times and bytes; does not know how a Triton loads one. The truth is in the Tritons' index, which is asked
at each load and listing and every few seconds in between, and never by a request whose model is loaded.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from types import TracebackType
from typing import Protocol

import structlog

from gateway.domain.ports import Models, Resident
from gateway.room import Room
from gateway.stays import Stay
from modelyard.errors import EngineError, EngineOutOfMemory, EntryNotFound, LoadQueueFull, ModelyardError, NoRoom

log = structlog.get_logger(__name__)

_POLL_S = 3.0  # how soon it is seen that somebody else has unloaded a model


class Tritons(Protocol):
    """What is needed of the engine here."""

    async def index(self) -> dict[str, bool]:
        """Every model of the repository, and whether it is loaded."""
        ...

    async def load(self, model: str) -> None: ...

    async def unload(self, model: str) -> None:
        """Returns when the model's memory is free again."""
        ...


class LifeEvents(Protocol):
    """Who counts. `reason` is idle, memory, asked, or elsewhere: somebody else did it."""

    def model_loaded(self, model: str, seconds: float) -> None: ...

    def model_failed(self, model: str) -> None:
        """It is there and could not be loaded."""
        ...

    def model_unloaded(self, model: str, reason: str) -> None: ...


class ModelLife:
    """Fits `Residents` of the domain's ports. `start` and `close` frame its use."""

    def __init__(
        self,
        tritons: Tritons,
        models: Models,
        room: Room,
        events: LifeEvents,
        *,
        keep_alive_s: float,
        pinned: Iterable[str] = (),
        queue_limit: int = 256,
        load_timeout_s: float = 600.0,
    ) -> None:
        self._tritons = tritons
        self._models = models
        self._room = room
        self._events = events
        self._keep_alive_s = keep_alive_s
        self._pinned = set(pinned)
        self._queue_limit = queue_limit
        self._load_timeout_s = load_timeout_s
        self._stays: dict[str, Stay] = {}
        self._departing: dict[str, Stay] = {}
        self._seen: dict[str, datetime] = {}  # since when models are known to be loaded that somebody else loaded
        self._making_room = asyncio.Lock()
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._watch = asyncio.create_task(self._keep_true(), name="model-life")

    async def close(self) -> None:
        """End loads, unloads and timers. Models stay in the Tritons, which may outlive this gateway."""
        tasks: list[asyncio.Task[None] | asyncio.Task[Exception | None] | None] = [self._watch]
        for stay in (*self._stays.values(), *self._departing.values()):
            stay.stop()
            tasks += [stay.load, stay.departure]
        running = [task for task in tasks if task is not None and not task.done()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def pin(self, model: str) -> None:
        """Never unload it for idleness or for another model."""
        self._pinned.add(model)

    @property
    def count(self) -> int:
        """Models in memory that this gateway uses."""
        return sum(stay.loaded is not None for stay in self._stays.values())

    @property
    def is_loading(self) -> bool:
        return any(stay.loaded is None for stay in self._stays.values())

    def use(self, model: str, keep_alive_s: float | None) -> Use:
        return Use(self, model, keep_alive_s)

    async def resident(self) -> Sequence[Resident]:
        index = await self._look()
        found = []
        for name in sorted(name for name, loaded in index.items() if loaded):
            stay = self._stays.get(name) or self._departing.get(name)
            if stay is None or stay.loaded is None:
                found.append(Resident(name, self._seen[name], None, await self._room.memory.size(name)))
            else:
                expires = None if name in self._pinned else stay.expires
                found.append(Resident(name, stay.loaded, expires, stay.size, stay.requests))
        return found

    async def release(self, model: str) -> None:
        stay = self._stays.get(model) or self._departing.get(model)
        if stay is not None:
            error = await asyncio.shield(self._send_away(stay, "asked"))
            if error is not None:
                raise error
            return
        index = await self._tritons.index()
        if model not in index:
            raise EntryNotFound(model, list(index))
        if index[model]:
            await self._tritons.unload(model)
            self._events.model_unloaded(model, "asked")

    # A request

    def stay_of(self, model: str) -> Stay | None:
        """The stay of a model that is ready for a request at once."""
        stay = self._stays.get(model)
        return stay if stay is not None and stay.loaded is not None else None

    async def admit(self, model: str, keep_alive_s: float | None) -> Stay:
        """Have the model loaded, or wait for the load in progress."""
        stay = self._stays.get(model) or self._begin(model)
        if stay.waiting >= self._queue_limit:
            raise LoadQueueFull(model, self._queue_limit)
        assert stay.load is not None  # noqa: S101 - _begin has set it
        stay.waiting += 1
        # Counted from now on, so that a model that has just been loaded is not taken for an idle one.
        stay.enter(keep_alive_s)
        try:
            # One who stops waiting must not stop the load that others wait for.
            await asyncio.shield(stay.load)
        except BaseException:
            stay.leave()
            raise
        finally:
            stay.waiting -= 1
        return stay

    # Loading

    def _begin(self, model: str) -> Stay:
        stay = self._stays[model] = Stay(model, self._keep_alive_s, self._on_over)
        stay.load = asyncio.create_task(self._load(stay), name=f"load {model}")
        stay.load.add_done_callback(_seen)
        return stay

    async def _load(self, stay: Stay) -> None:
        try:
            if (before := self._departing.get(stay.model)) is not None:
                await before.gone.wait()
            begun = time.perf_counter()
            index = await self._tritons.index()
            if stay.model not in index:
                raise EntryNotFound(stay.model, list(index))
            stay.owned = not index[stay.model]
            if stay.owned:
                stay.memory = await self._room.memory.needed(stay.model) or 0
                async with self._making_room:
                    await self._make_room(stay)
                    stay.has_room = True
                begun = time.perf_counter()
            await self._load_or_evict(stay)
            stay.size = await self._room.memory.size(stay.model)
            self._models.forget(stay.model)
            card = await self._models.card(stay.model)
            stay.settle(self._keep_alive_s if card.keep_alive_s is None else card.keep_alive_s)
        except BaseException as error:
            if self._stays.get(stay.model) is stay:
                del self._stays[stay.model]
            stay.has_room = False
            stay.gone.set()
            if isinstance(error, ModelyardError) and not isinstance(error, EntryNotFound):
                log.warning("a model is not loaded", model=stay.model, reason=error.message)
                self._events.model_failed(stay.model)
            raise
        if stay.owned:
            seconds = time.perf_counter() - begun
            log.info("a model is loaded", model=stay.model, seconds=round(seconds, 1))
            self._events.model_loaded(stay.model, seconds)

    async def _load_or_evict(self, stay: Stay) -> None:
        while True:
            try:
                await self._tritons.load(stay.model)
            except EngineOutOfMemory:
                # The estimate was wrong, or there was none: the engine knows better.
                victim = self._victim(stay)
                if victim is None or victim.requests:
                    raise
                await self._send_away(victim, "memory")
            else:
                return

    async def _make_room(self, stay: Stay) -> None:
        """Unload others until this one fits, the least recently used first. Raises NoRoom."""
        deadline = asyncio.get_running_loop().time() + self._load_timeout_s
        while (lack := await self._room.lack(stay, *self._others())) is not None:
            going = next(iter(self._departing.values()), None) or self._victim(stay)
            if going is None:
                raise NoRoom(stay.model, lack, self._in_memory())
            departure = self._send_away(going, "memory")
            await asyncio.wait({departure}, timeout=deadline - asyncio.get_running_loop().time())
            if not departure.done():
                raise NoRoom(stay.model, f"'{going.model}' is in use for very long", self._in_memory())

    def _victim(self, newcomer: Stay) -> Stay | None:
        """The least recently used of those that may go, an idle one if there is one."""
        candidates = [
            each
            for each in self._stays.values()
            if each is not newcomer and each.has_room and each.model not in self._pinned
        ]
        return min(candidates, key=lambda each: (each.requests > 0, each.used), default=None)

    def _others(self) -> tuple[list[Stay], list[Stay]]:
        """Those that take room, and which of them may go."""
        taking = [each for each in (*self._stays.values(), *self._departing.values()) if each.has_room]
        return taking, [each for each in taking if each.model not in self._pinned or each.departure is not None]

    def _in_memory(self) -> list[str]:
        return [each.model for each in self._others()[0]]

    # Unloading

    def _on_over(self, stay: Stay) -> None:
        if stay.model not in self._pinned:
            self._send_away(stay, "idle")

    def _send_away(self, stay: Stay, reason: str) -> asyncio.Task[Exception | None]:
        """Unload a model when the requests that use it are done; requests that come from now on have it loaded anew."""
        if stay.departure is None:
            stay.stop()
            if self._stays.get(stay.model) is stay:
                del self._stays[stay.model]
            self._departing[stay.model] = stay
            stay.departure = asyncio.create_task(self._unload(stay, reason), name=f"unload {stay.model}")
        return stay.departure

    async def _unload(self, stay: Stay, reason: str) -> Exception | None:
        """The error, when there was one."""
        try:
            if stay.load is not None:
                await asyncio.wait({stay.load})
                if stay.load.cancelled() or (failed := stay.load.exception()) is not None:
                    return None if stay.load.cancelled() else _as_exception(failed)
            await stay.until_idle()
            await self._tritons.unload(stay.model)
        except EngineError as error:
            log.warning("a model is not unloaded", model=stay.model, reason=error.message)
            return error
        finally:
            stay.has_room = False
            if self._departing.get(stay.model) is stay:
                del self._departing[stay.model]
            stay.gone.set()
        log.info("a model is unloaded", model=stay.model, reason=reason)
        self._events.model_unloaded(stay.model, reason)
        return None

    # The truth

    async def _keep_true(self) -> None:
        while True:
            await asyncio.sleep(_POLL_S)
            if self._stays:
                with contextlib.suppress(EngineError):
                    await self._look()

    async def _look(self) -> dict[str, bool]:
        """Ask the Tritons, and forget what they do not have any more."""
        asked_at = asyncio.get_running_loop().time()
        index = await self._tritons.index()
        for name, stay in list(self._stays.items()):
            settled = stay.loaded is not None and stay.loaded_at < asked_at
            # One that is in use is mended by its request, or fails it.
            if settled and stay.requests == 0 and not index.get(name) and self._stays.get(name) is stay:
                stay.stop()
                del self._stays[name]
                stay.gone.set()
                self._events.model_unloaded(name, "elsewhere")
        now = datetime.now(timezone.utc)
        self._seen = {name: self._seen.get(name, now) for name, loaded in index.items() if loaded}
        return index


class Use:
    """`async with`: while the block runs the model is loaded and stays so; gives the seconds that were waited."""

    __slots__ = ("_keep_alive_s", "_life", "_model", "_stay")

    def __init__(self, life: ModelLife, model: str, keep_alive_s: float | None) -> None:
        self._life = life
        self._model = model
        self._keep_alive_s = keep_alive_s

    async def __aenter__(self) -> float:
        stay = self._life.stay_of(self._model)
        if stay is not None:
            stay.enter(self._keep_alive_s)
            self._stay = stay
            return 0.0
        begun = time.perf_counter()
        self._stay = await self._life.admit(self._model, self._keep_alive_s)
        return time.perf_counter() - begun

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stay.leave()


def _seen(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()  # even when everybody has stopped waiting


def _as_exception(error: BaseException | None) -> Exception | None:
    return error if isinstance(error, Exception) else None

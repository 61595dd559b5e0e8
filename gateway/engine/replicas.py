"""Several Tritons as one engine: the ready one with the fewest requests is chosen, one that fails is passed over.

One Triton is the special case of several. Knows neither prompts nor dialects.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TypeVar

import structlog
from tritonclient.grpc import service_pb2

from gateway.domain.generation import EngineEvent
from gateway.domain.ports import Asked
from gateway.engine.client import TritonClient
from gateway.engine.residency import Residency
from gateway.engine.rpc_errors import BackendDead, ModelNotLoaded
from modelyard.card import ModelCard
from modelyard.errors import EngineError, EngineTimeout, EngineUnavailable, EntryNotFound, ModelyardError

log = structlog.get_logger(__name__)

_READY_TIMEOUT_S = 2.0  # a Triton that takes longer for its list of models is not ready
_POLL_S = 2.0  # how often a ready Triton is asked
_FIRST_RETRY_S, _LAST_RETRY_S = 0.25, 4.0  # how often one that is away is asked, with growing pauses

T = TypeVar("T")


class Replica:
    """One Triton and what is believed of it. A belief only orders the choice: the last one left is always tried."""

    def __init__(self, url: str, *, load_timeout_s: float) -> None:
        self.client = TritonClient(url)
        self.residency = Residency(self.client, load_timeout_s=load_timeout_s)
        self.ready = True
        self.loaded: frozenset[str] = frozenset()  # as its index last said
        self.in_flight = 0

    async def index(self) -> dict[str, bool]:
        """Every model of its repository, and whether it is loaded."""
        try:
            index = await self.client.index()
        except (EngineUnavailable, EngineTimeout):
            self.ready = False
            self.loaded = frozenset()
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

    async def watch(self, on_return: Callable[[Replica], Awaitable[None]]) -> None:
        """Keep `ready` true to life."""
        pause_s = _POLL_S
        while True:
            await asyncio.sleep(pause_s)
            was, self.ready = self.ready, await self.client.is_live()
            if was != self.ready:
                pause_s = _POLL_S if self.ready else _FIRST_RETRY_S
                log.info("Triton is ready" if self.ready else "Triton is away", triton=self.client.target)
                if self.ready:
                    await on_return(self)
            elif not self.ready:
                pause_s = min(pause_s * 2, _LAST_RETRY_S)


class Replicas:
    """All Tritons of this gateway. `start` opens the channels, `close` ends what is in progress on them."""

    def __init__(self, urls: Callable[[], Sequence[str]], *, load_timeout_s: float, timeout_s: float | None) -> None:
        self._urls = urls
        self._load_timeout_s = load_timeout_s
        self._timeout_s = timeout_s
        self._replicas: list[Replica] = []
        self._watches: list[asyncio.Task[None]] = []
        self._wanted: set[str] = set()  # models that were loaded here and not unloaded

    async def start(self) -> None:
        self._replicas = [Replica(url, load_timeout_s=self._load_timeout_s) for url in self._urls()]
        self._watches = [
            asyncio.create_task(each.watch(self._restore), name="triton-health") for each in self._replicas
        ]

    async def close(self) -> None:
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        for replica in self._replicas:
            await replica.residency.close()
            await replica.client.close()
        self._replicas = []

    def generate(self, model: str, asked: Asked, *, stream: bool) -> AsyncGenerator[EngineEvent, None]:
        """The events of an answer; see `stream`."""
        return self.stream(
            model, lambda client: client.generate(model, asked, stream=stream, timeout_s=self._timeout_s)
        )

    async def infer(self, model: str, rpc: service_pb2.ModelInferRequest) -> service_pb2.ModelInferResponse:
        """The answer of a model that gives one; mended as `stream` is."""

        async def ask(client: TritonClient) -> AsyncGenerator[service_pb2.ModelInferResponse, None]:
            yield await client.infer(model, rpc, timeout_s=self._timeout_s)

        async with aclosing(self.stream(model, ask)) as answers:
            async for answer in answers:
                return answer
        raise EngineError(f"the model '{model}' gave no answer")

    async def stream(
        self, model: str, ask: Callable[[TritonClient], AsyncGenerator[T, None]]
    ) -> AsyncGenerator[T, None]:
        """What one Triton gives. Before its first event, whatever another Triton or a load can mend is mended."""
        tried: set[Replica] = set()
        mended: set[tuple[Replica, type[ModelyardError]]] = set()
        while True:
            replica = self._choose(tried, model)
            life = replica.residency.life(model)
            started = False
            replica.in_flight += 1
            try:
                async with aclosing(ask(replica.client)) as events:
                    async for event in events:
                        started = True
                        yield event
                return
            except (ModelNotLoaded, BackendDead) as error:
                if (replica, type(error)) in mended:
                    raise
                mended.add((replica, type(error)))
                await self._mend(replica, model, error, life)
            except EngineUnavailable as error:
                tried.add(replica)
                if started or len(tried) == len(self._replicas):
                    raise
                log.warning("a Triton is passed over", triton=replica.client.target, reason=error.message)
            finally:
                replica.in_flight -= 1

    async def _mend(self, replica: Replica, model: str, error: ModelyardError, life: int) -> None:
        if isinstance(error, BackendDead):
            await replica.residency.mend(model, life)
            return
        installed = await replica.client.index()
        if model not in installed:
            raise EntryNotFound(model, list(installed)) from error
        await replica.residency.load(model)
        replica.loaded |= {model}

    def _choose(self, tried: set[Replica], model: str) -> Replica:
        left = [replica for replica in self._replicas if replica not in tried]
        if not left:
            raise EngineUnavailable("no Triton is configured, or the gateway is stopping")
        return min(left, key=lambda replica: (not replica.ready, model not in replica.loaded, replica.in_flight))

    async def _on_any(self, model: str, ask: Callable[[Replica], Awaitable[T]]) -> T:
        """The answer of the first Triton that can give one."""
        tried: set[Replica] = set()
        while True:
            replica = self._choose(tried, model)
            try:
                return await ask(replica)
            except EngineUnavailable:
                tried.add(replica)
                if len(tried) == len(self._replicas):
                    raise

    async def card(self, model: str) -> ModelCard:
        """The card of a model, which is loaded when it is in the repository. Raises EntryNotFound."""

        async def ask(replica: Replica) -> ModelCard:
            try:
                return await replica.client.card(model)
            except ModelNotLoaded as error:
                await self._mend(replica, model, error, 0)
                return await replica.client.card(model)

        return await self._on_any(model, ask)

    async def card_if_loaded(self, model: str) -> ModelCard | None:
        async def ask(replica: Replica) -> ModelCard | None:
            with contextlib.suppress(ModelNotLoaded):
                return await replica.client.card(model)
            return None

        return await self._on_any(model, ask)

    async def index(self) -> dict[str, bool]:
        """Every model that a Triton has, and whether one of them has it loaded. Raises EngineUnavailable."""
        answers = await _indexes(believed := self._answering())
        if all(isinstance(answer, BaseException) for answer in answers) and len(believed) < len(self._replicas):
            answers = await _indexes(self._replicas)  # another one may have come back in the meantime
        found: dict[str, bool] = {}
        for answer in answers:
            if not isinstance(answer, BaseException):
                for name, loaded in answer.items():
                    found[name] = found.get(name, False) or loaded
        if all(isinstance(answer, BaseException) for answer in answers):
            raise _first(answers)
        return found

    async def load(self, model: str) -> None:
        """Have it loaded in every Triton that answers and has it. Raises when none has it in the end."""
        replicas = self._answering()
        answers = await asyncio.gather(*(replica.load(model) for replica in replicas), return_exceptions=True)
        failed = [answer for answer in answers if isinstance(answer, BaseException)]
        if len(failed) == len(answers):
            raise _first(failed)
        self._wanted.add(model)
        for replica, answer in zip(replicas, answers, strict=True):
            if isinstance(answer, EngineError):
                log.warning(
                    "a Triton has not loaded a model", model=model, triton=replica.client.target, reason=answer.message
                )

    async def unload(self, model: str) -> None:
        """Have it unloaded everywhere; returns when its memory is free again. Raises EngineError."""
        self._wanted.discard(model)
        answers = await asyncio.gather(
            *(replica.unload(model) for replica in self._answering()), return_exceptions=True
        )
        if failed := [answer for answer in answers if isinstance(answer, BaseException)]:
            raise _first(failed)

    async def answer(self) -> None:
        """Returns when a Triton answers now. Raises EngineUnavailable when none does."""
        answers = await asyncio.gather(*(replica.client.is_live(_READY_TIMEOUT_S) for replica in self._replicas))
        for replica, live in zip(self._replicas, answers, strict=True):
            replica.ready = live
        if not any(answers):
            raise EngineUnavailable("no Triton answers")

    def _answering(self) -> list[Replica]:
        """Those that are believed to answer; all, when none is."""
        if not self._replicas:
            raise EngineUnavailable("no Triton is configured, or the gateway is stopping")
        return [replica for replica in self._replicas if replica.ready] or list(self._replicas)

    async def _restore(self, replica: Replica) -> None:
        """A Triton that came back gets the models that others kept; what none has waits for its next request."""
        kept = {name for name in self._wanted if any(name in each.loaded for each in self._replicas if each != replica)}
        for name in sorted(kept):
            try:
                await replica.load(name)
            except (EngineError, EntryNotFound) as error:
                log.warning("a model is not restored", model=name, triton=replica.client.target, reason=error.message)


async def _indexes(replicas: Sequence[Replica]) -> list[dict[str, bool] | BaseException]:
    return await asyncio.gather(*(replica.index() for replica in replicas), return_exceptions=True)


def _first(errors: Sequence[object]) -> BaseException:
    """The one to tell: that a model is not there is told only when nothing else is wrong."""
    found = [error for error in errors if isinstance(error, BaseException)]
    return next((error for error in found if not isinstance(error, EntryNotFound)), found[0])

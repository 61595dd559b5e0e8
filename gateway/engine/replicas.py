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
from modelyard.errors import EngineError, EngineUnavailable, EntryNotFound, ModelyardError

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
        self.in_flight = 0

    async def watch(self) -> None:
        """Keep `ready` true to life."""
        pause_s = _POLL_S
        while True:
            await asyncio.sleep(pause_s)
            was, self.ready = self.ready, await self.client.is_live()
            if was != self.ready:
                pause_s = _POLL_S if self.ready else _FIRST_RETRY_S
                log.info("Triton is ready" if self.ready else "Triton is away", triton=self.client.target)
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

    async def start(self) -> None:
        self._replicas = [Replica(url, load_timeout_s=self._load_timeout_s) for url in self._urls()]
        self._watches = [asyncio.create_task(each.watch(), name="triton-health") for each in self._replicas]

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
            replica = self._choose(tried)
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

    def _choose(self, tried: set[Replica]) -> Replica:
        left = [replica for replica in self._replicas if replica not in tried]
        if not left:
            raise EngineUnavailable("no Triton is configured, or the gateway is stopping")
        return min(left, key=lambda replica: (not replica.ready, replica.in_flight))

    async def _on_any(self, ask: Callable[[Replica], Awaitable[T]]) -> T:
        """The answer of the first Triton that can give one."""
        tried: set[Replica] = set()
        while True:
            replica = self._choose(tried)
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

        return await self._on_any(ask)

    async def card_if_loaded(self, model: str) -> ModelCard | None:
        async def ask(replica: Replica) -> ModelCard | None:
            with contextlib.suppress(ModelNotLoaded):
                return await replica.client.card(model)
            return None

        return await self._on_any(ask)

    async def index(self) -> dict[str, bool]:
        """Every model of the repository, and whether it is loaded."""
        return await self._on_any(lambda replica: replica.client.index())

    async def loaded(self) -> int:
        """How many models are loaded right now in the Tritons that answer. Raises EngineUnavailable when none does."""
        answers = await asyncio.gather(
            *(replica.client.index(timeout_s=_READY_TIMEOUT_S) for replica in self._replicas), return_exceptions=True
        )
        for replica, answer in zip(self._replicas, answers, strict=True):
            replica.ready = not isinstance(answer, BaseException)
        indexes = [answer for answer in answers if not isinstance(answer, BaseException)]
        if not indexes:
            raise EngineUnavailable("no Triton answers")
        return max(sum(index.values()) for index in indexes)

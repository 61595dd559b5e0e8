"""Several Tritons as one engine: the ready one with the fewest requests is chosen, one that fails is passed over.

Among equals, prompts that begin alike go to the same one, which has their beginning in its cache; others spread, also
when several gateways choose without knowing of each other.

One Triton is the special case of several. Knows neither prompts nor dialects.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import TypeVar

import structlog
from tritonclient.grpc import service_pb2

from gateway.domain.generation import EngineEvent, Tokens
from gateway.domain.ports import Asked
from gateway.engine.client import TritonClient
from gateway.engine.discovery import Addresses
from gateway.engine.replica import Replica
from gateway.engine.rpc_errors import BackendDead, ModelNotLoaded
from modelyard.card import ModelCard
from modelyard.errors import EngineError, EngineTimeout, EngineUnavailable, EntryNotFound, ModelyardError

log = structlog.get_logger(__name__)

_READY_TIMEOUT_S = 2.0  # a Triton that takes longer for its list of models is not ready
_LOOK_S = 2.0  # how often new addresses are looked for
_LEAVING_POLL_S = 0.25
# Of a prompt decide who answers it. So many tell conversations apart by their first question where the instructions
# before it are short, and a conversation that is longer keeps its place.
_CHARACTERS, _TOKENS = 1024, 256
_NONE = "no Triton is configured, none is found, or the gateway is stopping"

T = TypeVar("T")


class Replicas:
    """All Tritons of this gateway. `start` opens the channels, `close` ends what is in progress on them.

    Which they are may change meanwhile: one that leaves gets nothing new, and what it is at it finishes.
    """

    def __init__(self, urls: Callable[[], Sequence[str]], *, load_timeout_s: float, timeout_s: float | None) -> None:
        self._addresses = Addresses(urls)
        self._load_timeout_s = load_timeout_s
        self._timeout_s = timeout_s
        self._by_url: dict[str, Replica] = {}
        self._watches: dict[Replica, asyncio.Task[None]] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._following: asyncio.Task[None] | None = None
        self._numbers = itertools.count()
        self._wanted: set[str] = set()  # models that were loaded here and not unloaded

    @property
    def _replicas(self) -> list[Replica]:
        return list(self._by_url.values())

    async def start(self) -> None:
        # Believed to be ready until somebody has looked: a first request needs not wait for that.
        await self._look(ready=True)
        self._following = asyncio.create_task(self._follow(), name="triton-addresses")

    async def close(self) -> None:
        tasks = [*self._watches.values(), *self._leaving]
        if self._following is not None:
            tasks.append(self._following)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for replica in self._replicas:
            await replica.close()
        self._by_url = {}

    def states(self) -> Iterator[tuple[str, bool, int]]:
        """Of each Triton its address, whether it is believed to answer, and its requests in progress from here."""
        return ((each.client.target, each.ready, each.in_flight) for each in self._replicas)

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            await self._look(ready=False)

    async def _look(self, *, ready: bool) -> None:
        """Take on the Tritons that are new, and let those go that are named no more."""
        urls = await self._addresses.find()
        for url in urls:
            if url not in self._by_url:
                # One that joins while others serve gets their models before it gets requests: see `_restore`.
                replica = Replica(url, load_timeout_s=self._load_timeout_s, ready=ready)
                self._by_url[url] = replica
                self._watches[replica] = asyncio.create_task(replica.watch(self._restore), name="triton-health")
        for url in set(self._by_url) - set(urls):
            replica = self._by_url.pop(url)
            self._watches.pop(replica).cancel()
            leaving = asyncio.create_task(self._let_go(replica), name="triton-leaving")
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    async def _let_go(self, replica: Replica) -> None:
        log.info("a Triton leaves", triton=replica.client.target, requests=replica.in_flight)
        try:
            while replica.in_flight:  # noqa: ASYNC110 - an event would cost each request something, a look costs nothing
                await asyncio.sleep(_LEAVING_POLL_S)
        finally:
            await replica.close()

    def generate(self, model: str, asked: Asked, *, stream: bool) -> AsyncGenerator[EngineEvent, None]:
        """The events of an answer; see `stream`."""
        return self.stream(
            model,
            lambda client: client.generate(model, asked, stream=stream, timeout_s=self._timeout_s),
            beginning=_beginning(asked.prompt),
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
        self, model: str, ask: Callable[[TritonClient], AsyncGenerator[T, None]], *, beginning: str | None = None
    ) -> AsyncGenerator[T, None]:
        """What one Triton gives. Before its first event, whatever another Triton or a load can mend is mended.

        Requests of the same `beginning` go to the same Triton while others are no less busy.
        """
        beginning = str(next(self._numbers)) if beginning is None else beginning
        tried: set[Replica] = set()
        mended: set[tuple[Replica, type[ModelyardError]]] = set()
        while True:
            replica = self._choose(tried, model, beginning)
            life = replica.residency.life(model)
            started = False
            replica.in_flight += 1
            try:
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
                    # A Triton that is stopping says so only here: it has unloaded its models already.
                    await self._mend(replica, model, error, life)
            except EngineUnavailable as error:
                tried.add(replica)
                if started or not self._left(tried):
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

    def _choose(self, tried: set[Replica], model: str, beginning: str = "") -> Replica:
        left = self._left(tried)
        if not left:
            raise EngineUnavailable(_NONE)

        def order(replica: Replica) -> tuple[bool, bool, int, bytes]:
            # Rendezvous hashing: a Triton that comes or goes moves only what it gains or had.
            place = hashlib.blake2b(
                f"{replica.client.target} {beginning}".encode(errors="replace"), digest_size=8
            ).digest()
            return not replica.ready, model not in replica.loaded, replica.in_flight, place

        return min(left, key=order)

    def _left(self, tried: set[Replica]) -> list[Replica]:
        return [replica for replica in self._by_url.values() if replica not in tried]

    async def _on_any(self, model: str, ask: Callable[[Replica], Awaitable[T]]) -> T:
        """The answer of the first Triton that can give one."""
        tried: set[Replica] = set()
        while True:
            replica = self._choose(tried, model)
            try:
                return await ask(replica)
            except (EngineUnavailable, EngineTimeout):
                tried.add(replica)
                if not self._left(tried):
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
        replicas = self._replicas
        answers = await asyncio.gather(*(replica.client.is_live(_READY_TIMEOUT_S) for replica in replicas))
        for replica, live in zip(replicas, answers, strict=True):
            replica.ready = live
        if not any(answers):
            raise EngineUnavailable("no Triton answers")

    def _answering(self) -> list[Replica]:
        """Those that are believed to answer; all, when none is."""
        if not self._by_url:
            raise EngineUnavailable(_NONE)
        return [replica for replica in self._replicas if replica.ready] or self._replicas

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


def _beginning(prompt: str | Tokens) -> str:
    return prompt[:_CHARACTERS] if isinstance(prompt, str) else str(prompt.ids[:_TOKENS])

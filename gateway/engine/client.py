"""One Triton over gRPC: generate, ask for state, load and unload models. A stream of its own for each request.

Uses the raw stubs, since tritonclient's own stream cannot ask for the final mark and costs several times as much for
a response. Knows nothing of other Tritons.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, Protocol, TypeVar

import grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

from gateway.domain.generation import EngineEvent
from gateway.domain.ports import Asked
from gateway.engine import rpc_errors
from gateway.engine.partings import Partings
from gateway.engine.probes import free_question, unreadable
from gateway.engine.tensors import Reader, to_infer_request
from gateway.engine.watch import Watch
from modelyard.card import ModelCard
from modelyard.errors import EngineError, EngineTimeout, EngineUnavailable, GenerationBroken, ModelyardError

_OPTIONS = (
    # The default of 4 MiB is too small for a picture.
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # A restarted Triton is found again within a second instead of two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # Triton drops clients that ping more often than every five minutes; a dead host is noticed by health checks.
    ("grpc.keepalive_time_ms", 2**31 - 1),
    # A proxy in the environment is for the web, not for an engine.
    ("grpc.enable_http_proxy", 0),
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
)

_LOADED = frozenset({"READY"})
_HELD = frozenset({"READY", "LOADING", "UNLOADING"})  # takes memory
_UNLOAD_POLL_S = 0.05
_GONE_S = 10.0  # a Triton that did not say for so long that it is there is not

T = TypeVar("T")
Read = TypeVar("Read", covariant=True)


class ResponseReader(Protocol[Read]):
    """Makes events of the responses of one request. Raises ValueError for one that does not keep the contract."""

    finished: bool  # the last response has come

    def read(self, rpc: service_pb2.ModelInferResponse) -> Sequence[Read]: ...


class TritonClient:
    """Opens its channel when made, so it is made inside of the event loop."""

    def __init__(self, url: str) -> None:
        scheme, _, target = url.rpartition("://")
        self.target = target
        self._channel = (
            grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(), options=_OPTIONS)
            if scheme == "grpcs"
            else grpc.aio.insecure_channel(target, options=_OPTIONS)
        )
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)
        self._streams: dict[str, set[Watch]] = {}
        self._partings = Partings()
        self._silent_since: float | None = None  # as time.monotonic()

    async def close(self) -> None:
        await self._partings.close()
        await self._channel.close()

    def generate(
        self, model: str, asked: Asked, *, stream: bool, timeout_s: float | None
    ) -> AsyncGenerator[EngineEvent, None]:
        """The events of one answer; see `stream`."""
        reader = Reader(with_logprobs=asked.sampling.logprobs is not None)
        rpc = to_infer_request(model, asked, stream=stream)
        return self.stream(model, rpc, reader, timeout_s=timeout_s, probe=free_question)

    async def stream(
        self,
        model: str,
        rpc: service_pb2.ModelInferRequest,
        reader: ResponseReader[T],
        *,
        timeout_s: float | None,
        probe: Callable[[service_pb2.ModelInferRequest], service_pb2.ModelInferRequest] = unreadable,
    ) -> AsyncGenerator[T, None]:
        """What `reader` makes of each response. Closing the generator, or cancelling its reader, cancels the work soon.

        `probe` makes of the request one that a living backend refuses, for when nothing is heard for a while.
        Raises GenerationBroken when Triton went away after the first event, EngineUnavailable before.
        """
        call = self._stub.ModelStreamInfer(timeout=timeout_s)
        watch = Watch(call, lambda: self.is_backend_alive(probe(rpc)), self._is_gone)
        self._streams.setdefault(model, set()).add(watch)
        started = False
        reading: asyncio.Future[Any] | None = None
        try:
            try:
                await call.write(rpc)
                await call.done_writing()
            except (grpc.RpcError, asyncio.InvalidStateError):
                # A write to a call that has ended already says only that; the read below has the reason.
                pass
            while True:
                try:
                    # A reader that is cancelled within `read` would cancel the call at once: see partings.
                    reading = asyncio.ensure_future(call.read())
                    response = await asyncio.shield(reading)
                    reading = None
                except (grpc.RpcError, asyncio.CancelledError) as error:
                    if watch.condemned:
                        raise self._died(model, watch, started=started) from error
                    if isinstance(error, asyncio.CancelledError):
                        raise
                    raise rpc_errors.from_call(error, model=model, started=started) from error
                if response is grpc.aio.EOF:
                    break
                watch.heard = True
                if response.error_message:
                    await _read_to_the_end(call)
                    raise rpc_errors.from_text(response.error_message, model=model, started=started)
                try:
                    events = reader.read(response.infer_response)
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise EngineError(f"the model '{model}' does not keep its task's tensor contract") from error
                for event in events:
                    started = True
                    yield event
            if not reader.finished:
                raise await _why_it_ended(call, model, started=started)
        finally:
            watch.stop()
            self._streams[model].discard(watch)
            self._partings.leave_stream(call, reading)

    async def infer(
        self, model: str, rpc: service_pb2.ModelInferRequest, *, timeout_s: float | None
    ) -> service_pb2.ModelInferResponse:
        """The one answer of a model that is not decoupled. Cancelling the caller cancels the work, if it goes on."""
        call = self._stub.ModelInfer(rpc, timeout=timeout_s)
        watch = Watch(call, lambda: self.is_backend_alive(unreadable(rpc), decoupled=False), self._is_gone)
        self._streams.setdefault(model, set()).add(watch)
        answer = asyncio.ensure_future(call)
        try:
            return await asyncio.shield(answer)
        except (grpc.RpcError, asyncio.CancelledError) as error:
            if watch.condemned:
                raise self._died(model, watch, started=False) from error
            if isinstance(error, asyncio.CancelledError):
                raise
            raise rpc_errors.from_call(error, model=model) from error
        finally:
            watch.stop()
            self._streams[model].discard(watch)
            self._partings.leave_answer(call, answer)

    def _died(self, model: str, watch: Watch, *, started: bool) -> ModelyardError:
        if started:
            return GenerationBroken()
        if watch.gone:
            return EngineUnavailable(f"Triton at {self.target} does not answer any more")
        return rpc_errors.BackendDead(model)

    def _is_gone(self) -> bool:
        """Whether the last looks at it, over some time, all failed. A silent stream alone means nothing."""
        return self._silent_since is not None and time.monotonic() - self._silent_since > _GONE_S

    def condemn(self, model: str) -> None:
        """End every stream of a model whose backend has died: Triton leaves them open, without a word, for ever."""
        for watch in list(self._streams.get(model, ())):
            watch.condemn()

    async def is_backend_alive(
        self, probe: service_pb2.ModelInferRequest, *, decoupled: bool = True, timeout_s: float = 5.0
    ) -> bool:
        """Whether the process behind a model lives. Triton's own ModelReady says yes of a dead one.

        Silence means nothing: a model that takes one request after the other reads the probe when it is done.
        """
        try:
            if not decoupled:
                await self._stub.ModelInfer(probe, timeout=timeout_s)
                return True
            return await self._is_stream_alive(probe, timeout_s)
        except grpc.RpcError as error:
            return not rpc_errors.is_dead_backend(error.details() or "")
        except asyncio.InvalidStateError:
            return True

    async def _is_stream_alive(self, probe: service_pb2.ModelInferRequest, timeout_s: float) -> bool:
        call = self._stub.ModelStreamInfer(timeout=timeout_s)
        try:
            await call.write(probe)
            await call.done_writing()
            response = await call.read()
            if response is grpc.aio.EOF:
                return False
            await _read_to_the_end(call)
            return not rpc_errors.is_dead_backend(response.error_message)
        finally:
            call.cancel()

    async def is_live(self, timeout_s: float = 2.0) -> bool:
        """Whether it answers. Its own readiness would say no for ever after one model among many failed to load."""
        try:
            live = bool((await self._stub.ServerLive(service_pb2.ServerLiveRequest(), timeout=timeout_s)).live)
        except grpc.RpcError:
            self._silent_since = self._silent_since or time.monotonic()
            return False
        self._silent_since = None
        return live

    async def card(self, model: str, timeout_s: float = 10.0) -> ModelCard:
        """What the model's config.pbtxt says of it. Raises ModelNotLoaded, and EngineError for an unreadable one."""
        try:
            answer = await self._stub.ModelConfig(service_pb2.ModelConfigRequest(name=model), timeout=timeout_s)
        except grpc.RpcError as error:
            raise rpc_errors.from_call(error, model=model) from error
        parameters = {key: value.string_value for key, value in answer.config.parameters.items()}
        try:
            return ModelCard.from_parameters(parameters)
        except (ValueError, TypeError) as error:
            raise EngineError(f"the parameters in the config.pbtxt of '{model}' cannot be read: {error}") from error

    async def index(self, timeout_s: float = 10.0) -> dict[str, bool]:
        """Every model of the repository, and whether it is loaded."""
        return await self._index(_LOADED, timeout_s)

    async def unloaded(self, model: str, timeout_s: float) -> None:
        """Wait until nothing of the model is in memory any more. Raises EngineTimeout."""
        deadline = time.monotonic() + timeout_s
        # The answer to an unload comes before requests in progress are done and the model's process has ended.
        while (await self._index(_HELD, timeout_s=10.0)).get(model):
            if time.monotonic() > deadline:
                raise EngineTimeout(f"the model '{model}' is still in use {timeout_s:g} seconds after its unloading")
            await asyncio.sleep(_UNLOAD_POLL_S)

    async def _index(self, states: frozenset[str], timeout_s: float) -> dict[str, bool]:
        try:
            answer = await self._stub.RepositoryIndex(service_pb2.RepositoryIndexRequest(), timeout=timeout_s)
        except grpc.RpcError as error:
            raise rpc_errors.from_call(error) from error
        found: dict[str, bool] = {}
        for model in answer.models:  # one line for each version
            found[model.name] = found.get(model.name, False) or model.state in states
        return found

    async def load(self, model: str, timeout_s: float) -> None:
        try:
            await self._stub.RepositoryModelLoad(
                service_pb2.RepositoryModelLoadRequest(model_name=model), timeout=timeout_s
            )
        except grpc.RpcError as error:
            raise rpc_errors.from_load(error, model) from error

    async def unload(self, model: str, timeout_s: float = 30.0) -> None:
        try:
            await self._stub.RepositoryModelUnload(
                service_pb2.RepositoryModelUnloadRequest(model_name=model), timeout=timeout_s
            )
        except grpc.RpcError as error:
            raise rpc_errors.from_call(error, model=model) from error


async def _read_to_the_end(call: grpc.aio.StreamStreamCall, timeout_s: float = 1.0) -> None:
    """Let Triton end a stream whose request has failed: a cancel just then is what it does not take well.

    Bounded, since Triton never ends the stream of a backend that has died.
    """

    async def read() -> None:
        while await call.read() is not grpc.aio.EOF:
            pass

    with contextlib.suppress(grpc.RpcError, asyncio.TimeoutError):
        await asyncio.wait_for(read(), timeout_s)


async def _why_it_ended(call: grpc.aio.StreamStreamCall, model: str, *, started: bool) -> ModelyardError:
    """The error of a stream that ended before its last response."""
    code = await call.code()
    if code is grpc.StatusCode.OK:
        return GenerationBroken()
    details = await call.details()
    error = grpc.aio.AioRpcError(code, await call.initial_metadata(), await call.trailing_metadata(), details)
    return rpc_errors.from_call(error, model=model, started=started)

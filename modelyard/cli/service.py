"""The life of a service: checks, Triton, gateway, models, a first real token; then drain, and a stop in order.

Joins the engine's supervisor with the gateway's application; knows neither tensors nor dialects.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import Iterator, Sequence

import structlog

from modelyard.cli import output, unix_socket
from modelyard.cli.gateway_server import GatewayServer
from modelyard.cli.start_models import StartModels, choose
from modelyard.engine.distribution import find_distribution
from modelyard.engine.log_lines import LogLine
from modelyard.engine.process import TritonProcess
from modelyard.engine.supervisor import Supervisor
from modelyard.errors import HostProblem, ModelyardError, PortTaken
from modelyard.running import announce
from modelyard.settings import LOOPBACK, Settings

log = structlog.get_logger(__name__)
triton_log = structlog.get_logger("triton")


def run(settings: Settings, *, models: Sequence[str]) -> None:
    """Serve until a signal. Raises ModelyardError, with nothing left running, when the start fails."""
    import uvloop

    with _listen(settings) as listener, _unix_socket(settings) as beside:
        _require_key(settings)
        if not settings.triton_urls:
            start = choose(settings, models)
        else:
            start = StartModels(tuple(models), pinned=True, installed=tuple(models))
        uvloop.run(_Service(settings, [listener, *beside], start).live())


def _listen(settings: Settings) -> socket.socket:
    """The gateway's socket, taken before anything slow, so that a taken port is known at once."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(settings.host, settings.port) from error
        raise HostProblem(f"cannot listen on {settings.host} port {settings.port}: {error.strerror}") from error
    return listener


@contextlib.contextmanager
def _unix_socket(settings: Settings) -> Iterator[list[socket.socket]]:
    """The gateway's Unix socket, where it has one: the usual place may be taken by another gateway of this user."""
    path = unix_socket.path_of(settings)
    with contextlib.ExitStack() as held:
        found = []
        if path is not None:
            try:
                found.append(held.enter_context(unix_socket.listening(path)))
            except (ModelyardError, OSError) as error:
                if settings.socket is not None:
                    raise
                log.info("no Unix socket for this gateway", reason=str(error))
        yield found


def _require_key(settings: Settings) -> None:
    if settings.host not in LOOPBACK and settings.bearer_key() is None:
        raise HostProblem(
            f"{settings.host} can be reached from outside, so callers must send a key, and none is set",
            hint="set MODELYARD_API_KEY or MODELYARD_API_KEY_FILE, or listen on 127.0.0.1",
        )


class _Service:
    """One run of the service. `models` says what is loaded at the start; running Tritons may have theirs already."""

    def __init__(self, settings: Settings, listeners: Sequence[socket.socket], models: StartModels) -> None:
        self._settings = settings
        self._listeners = listeners
        self._models = models
        self._stop_asked = asyncio.Event()
        self._signals = 0
        self._supervisor: Supervisor | None = None
        self._triton: TritonProcess | None = None
        self._gateway: GatewayServer | None = None
        self._announced = contextlib.ExitStack()

    async def live(self) -> None:
        """Start, serve until a signal comes, stop. Raises what the start raised, after stopping all the same."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal)
        starting = asyncio.create_task(self._start(), name="start")
        stop_asked = asyncio.create_task(self._stop_asked.wait(), name="stop-asked")
        try:
            await asyncio.wait({starting, stop_asked}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await stop_asked
        finally:
            stop_asked.cancel()
            starting.cancel()
            await asyncio.wait({starting})
            await self._stop()

    def _on_signal(self) -> None:
        self._signals += 1
        if self._signals == 1:
            log.info("stopping: answers in progress are finished first; once more to stop at once")
        elif self._gateway is not None:
            self._gateway.force()
        self._stop_asked.set()

    async def _start(self) -> None:
        with output.progress() as progress:
            if self._settings.triton_urls:
                urls = self._settings.triton_urls
            else:
                progress.step("starting Triton")
                urls = [await self._start_engine()]
            self._gateway = await GatewayServer.start(self._settings, self._listeners, urls)
            # `modelyard models`, `rm` and others ask this service which models it has loaded.
            repository = self._settings.model_repository
            self._announced.enter_context(announce(repository, url=self._gateway.url, tritons=urls))
            if self._settings.triton_urls:
                progress.step(f"waiting for {', '.join(urls)}")
                self._models = await self._gateway.models_of_tritons(self._models)
            for name in self._models.names:
                progress.step(f"loading {name} and having a first answer")
                await self._gateway.first_answer(name, pinned=self._models.pinned)
        self._announce()
        self._gateway.release()

    async def _start_engine(self) -> str:
        distribution = await asyncio.to_thread(find_distribution, self._settings.engine_python)
        settings = self._settings

        async def launch() -> TritonProcess:
            # A restart takes the ports of the first start: the gateway knows those.
            before = self._triton
            self._triton = await TritonProcess.launch(
                distribution,
                repository=settings.model_repository,
                grpc_port=before.grpc_port if before else settings.triton_grpc_port,
                http_port=before.http_port if before else settings.triton_http_port,
                metrics_port=before.metrics_port if before else settings.triton_metrics_port,
                log=settings.triton_log_file or _log_of_triton,
            )
            return self._triton

        self._supervisor = Supervisor(launch, self._restore, backoff_max_s=settings.restart_backoff_max_s)
        await self._supervisor.start()
        assert self._triton is not None  # noqa: S101 - launch has set it
        log.debug(
            "Triton is running", pid=self._triton.pid, grpc=self._triton.grpc_port, metrics=self._triton.metrics_port
        )
        return f"grpc://{self._triton.grpc_address}"

    async def _restore(self) -> None:
        assert self._gateway is not None  # noqa: S101 - a restart comes after the start
        for name in self._models.names:
            await self._gateway.first_answer(name)
            log.info("the model is served again", model=name)

    async def _stop(self) -> None:
        with self._announced:
            if self._gateway is not None:
                await self._gateway.stop()
            if self._supervisor is not None:
                await self._supervisor.stop(timeout_s=15)

    def _announce(self) -> None:
        assert self._gateway is not None  # noqa: S101 - it was started just now
        url = self._gateway.url
        key = ' -H "Authorization: Bearer $MODELYARD_API_KEY"' if self._settings.bearer_key() else ""
        loaded, installed = self._models.names, self._models.installed
        if not installed:
            foreign = ", ".join(f"{name} is for {target}" for name, target in self._models.foreign.items())
            has = f"no model that its own Triton serves ({foreign})" if foreign else "no model yet"
            output.say(f"\nModelyard is ready on {url} and has {has}. Fetch one, for example:\n")
            output.say("  modelyard pull Qwen/Qwen3-0.6B\n")
        else:
            others = [name for name in installed if name not in loaded]
            serves = f"serves {', '.join(loaded or others)}"
            if loaded and others:
                serves += f"; on a first request also {', '.join(others)}"
            model = (loaded or installed)[0]
            body = f'{{"model": "{model}", "messages": [{{"role": "user", "content": "What is Modelyard?"}}]}}'
            output.say(f"\nModelyard is ready on {url} and {serves}. Try:\n")
            output.say(f"  curl {url}/v1/chat/completions -H 'content-type: application/json'{key} -d '{body}'\n")
        output.say("Ctrl-C stops it.")


def _log_of_triton(line: LogLine) -> None:
    # What Triton calls information is about its own start; ours says when things are ready.
    level = "debug" if line.severity == "info" else line.severity
    getattr(triton_log, level)(line.text)

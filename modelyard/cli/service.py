"""The life of a service: checks, Triton, gateway, models, a first real token; then drain, and a stop in order.

Joins the engine's supervisor with the gateway's application; knows neither tensors nor dialects.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import Sequence

import structlog

from modelyard.cli import output
from modelyard.cli.gateway_server import GatewayServer
from modelyard.engine.distribution import find_distribution
from modelyard.engine.log_lines import LogLine
from modelyard.engine.process import TritonProcess
from modelyard.engine.supervisor import Supervisor
from modelyard.entry import Entry, entries_in
from modelyard.errors import EntryNotFound, HostProblem, NotEnoughMemory, PortTaken
from modelyard.host import free_memory
from modelyard.manifest import read_manifest
from modelyard.running import announce
from modelyard.settings import LOOPBACK, Settings

# Triton itself and a Python process with OpenVINO, measured as resident memory after the demo model was loaded.
_ENGINE_BYTES = 600 * 2**20
_EMBEDDED = frozenset({"triton-openvino", "triton-llamacpp"})

log = structlog.get_logger(__name__)
triton_log = structlog.get_logger("triton")


def run(settings: Settings, *, models: Sequence[str]) -> None:
    """Serve until a signal. Raises ModelyardError, with nothing left running, when the start fails."""
    import uvloop

    with _listen(settings) as listener:
        _require_key(settings)
        if not settings.triton_urls:
            models = _check_models(settings, models)
        uvloop.run(_Service(settings, listener, models).live())


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


def _require_key(settings: Settings) -> None:
    if settings.host not in LOOPBACK and settings.bearer_key() is None:
        raise HostProblem(
            f"{settings.host} can be reached from outside, so callers must send a key, and none is set",
            hint="set MODELYARD_API_KEY or MODELYARD_API_KEY_FILE, or listen on 127.0.0.1",
        )


def _check_models(settings: Settings, wanted: Sequence[str]) -> list[str]:
    """The names to load at the start, after what can be known without an engine has been checked."""
    entries = {entry.name: entry for entry in entries_in(settings.model_repository)}
    if not entries:
        raise HostProblem(
            f"there is no model in {settings.model_repository}", hint="make one: modelyard convert PATH_OR_HUB_ID"
        )
    for name in wanted:
        if name not in entries:
            raise EntryNotFound(name, list(entries))
    names = list(wanted) or [name for name, entry in entries.items() if _is_tritons(entry)]
    weights = sum(file.stat().st_size for name in names for file in entries[name].version_folder.rglob("*.bin"))
    if (needed := weights + _ENGINE_BYTES) > (free := free_memory()):
        raise NotEnoughMemory(f"serving {', '.join(names)}", needed, free)
    return names


def _is_tritons(entry: Entry) -> bool:
    """Entries for OpenVINO Model Server, or for engines that the embedded Triton has not, may lie beside ours."""
    manifest = read_manifest(entry)
    return manifest is None or manifest.target in _EMBEDDED


class _Service:
    """One run of the service. `models` are loaded at the start; running Tritons have theirs."""

    def __init__(self, settings: Settings, listener: socket.socket, models: Sequence[str]) -> None:
        self._settings = settings
        self._listener = listener
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
            self._gateway = await GatewayServer.start(self._settings, self._listener, urls)
            # `modelyard models`, `rm` and others ask this service which models it has loaded.
            repository = self._settings.model_repository
            self._announced.enter_context(announce(repository, url=self._gateway.url, tritons=urls))
            if not self._settings.triton_urls:
                for name in self._models:
                    progress.step(f"loading {name} and having a first answer")
                    await self._gateway.first_answer(name)
            else:
                progress.step(f"waiting for {', '.join(urls)}")
                self._models = [await self._gateway.first_answer_of_any()]
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
        for name in self._models:
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
        body = f'{{"model": "{self._models[0]}", "messages": [{{"role": "user", "content": "What is Modelyard?"}}]}}'
        output.say(f"\nModelyard is ready on {url} and serves {', '.join(self._models)}. Try:\n")
        output.say(f"  curl {url}/v1/chat/completions -H 'content-type: application/json'{key} -d '{body}'\n")
        output.say("Ctrl-C stops it.")


def _log_of_triton(line: LogLine) -> None:
    # What Triton calls information is about its own start; ours says when things are ready.
    level = "debug" if line.severity == "info" else line.severity
    getattr(triton_log, level)(line.text)

"""One running tritonserver: started, watched, ended, and nothing of it left behind.

Knows processes, signals and output; does not know models, and never restarts anything by itself.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import functools
import itertools
import os
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

import httpx

from modelyard.engine import runtime_folder, shared_memory
from modelyard.engine.command_line import Ports, tritonserver_arguments
from modelyard.engine.distribution import Distribution
from modelyard.engine.endings import TritonPortTaken, why_it_ended
from modelyard.engine.log_lines import LogSink, close_sink, open_sink, parse
from modelyard.engine.ports import LOOPBACK, free_ports, is_free
from modelyard.errors import EngineTimeout

_serial = itertools.count()

# Between fork and exec of a process with threads hardly anything is safe, so the kernel is asked to end Triton with
# its parent from a small program in between, which then becomes tritonserver. SIGKILL, since a Triton whose parent is
# gone has nobody to read its output and would hold memory and ports that the next start needs.
_TIED_TO_PARENT = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, int(signal.SIGKILL), 0, 0, 0)  # 1 is PR_SET_PDEATHSIG
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent ended during the start")
os.execv(sys.argv[2], sys.argv[2:])
"""


class TritonProcess:
    """A tritonserver with explicit model control and no model loaded, reachable on loopback only.

    Made by `start` or `launch`. Belongs to the event loop, and so to the thread, that started it: the kernel ends
    Triton when that thread ends.
    """

    def __init__(
        self, process: asyncio.subprocess.Process, ports: Ports, runtime: Path, prefix: str, log: LogSink
    ) -> None:
        self._process = process
        self._ports = ports
        self._runtime = runtime
        self._prefix = prefix
        self._log = log
        self._last_lines: collections.deque[str] = collections.deque(maxlen=40)
        self._ended = asyncio.create_task(self._watch(), name="tritonserver")

    @classmethod
    async def launch(
        cls,
        distribution: Distribution,
        *,
        repository: Path,
        grpc_port: int = 0,
        http_port: int = 0,
        metrics_port: int = 0,
        log: LogSink | Path | None = None,
        live_timeout_s: float = 60.0,
        exit_timeout_s: int = 10,
        extra_arguments: Sequence[str] = (),
        attempts: int = 3,
    ) -> TritonProcess:
        """`start` and `wait_live` in one; a free port that was lost to somebody else is replaced by another.

        Raises PortTaken when a port that the caller chose is taken, and what `wait_live` raises.
        """
        for attempt in itertools.count(1):
            triton = await cls.start(
                distribution,
                repository=repository,
                grpc_port=grpc_port,
                http_port=http_port,
                metrics_port=metrics_port,
                log=log,
                exit_timeout_s=exit_timeout_s,
                extra_arguments=extra_arguments,
            )
            try:
                await triton.wait_live(live_timeout_s)
            except TritonPortTaken as taken:
                chosen = taken.port in (grpc_port, http_port, metrics_port)
                if chosen or attempt >= attempts:
                    raise
            except BaseException:
                await triton.stop(timeout_s=0)
                raise
            else:
                return triton
        raise AssertionError("unreachable")

    @classmethod
    async def start(
        cls,
        distribution: Distribution,
        *,
        repository: Path,
        grpc_port: int = 0,
        http_port: int = 0,
        metrics_port: int = 0,
        log: LogSink | Path | None = None,
        exit_timeout_s: int = 10,
        extra_arguments: Sequence[str] = (),
    ) -> TritonProcess:
        """Start tritonserver and return at once; a port of 0 takes a free one.

        `log` is called with each line, or is a file to append to. Raises PortTaken when a given port is taken
        already, and HostProblem when the machine has too little shared memory.
        """
        ports = _prepare(repository, grpc_port, http_port, metrics_port)
        prefix = shared_memory.region_prefix(os.getpid(), next(_serial))
        runtime = runtime_folder.make_runtime_folder()
        try:
            arguments = tritonserver_arguments(
                repository=repository,
                backend_directory=distribution.lay_out(runtime),
                ports=ports,
                shm_prefix=prefix,
                exit_timeout_s=exit_timeout_s,
                extra=extra_arguments,
            )
            process = await asyncio.create_subprocess_exec(
                distribution.python,
                # -S and -I: twenty milliseconds instead of a hundred, and nothing of the caller's is imported.
                *("-I", "-S", "-c", _TIED_TO_PARENT, str(os.getpid())),
                distribution.server,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=distribution.environment(os.environ),
                cwd=runtime,
                start_new_session=True,  # a Ctrl-C in the terminal is for us, not for Triton
            )
        except BaseException:
            shutil.rmtree(runtime, ignore_errors=True)
            raise
        return cls(process, ports, runtime, prefix, open_sink(log))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative for a signal."""
        return self._process.returncode

    @property
    def grpc_port(self) -> int:
        return self._ports.grpc

    @property
    def http_port(self) -> int:
        return self._ports.http

    @property
    def metrics_port(self) -> int:
        return self._ports.metrics

    @property
    def grpc_address(self) -> str:
        return f"{LOOPBACK}:{self._ports.grpc}"

    async def wait_live(self, timeout_s: float = 60.0) -> None:
        """Return when all three faces answer.

        Raises EngineTimeout when they do not in time (Triton is left running), PortTaken when a port was lost to
        another program, EngineUnavailable when Triton ended for another reason, with its last words.
        """
        deadline = asyncio.get_running_loop().time() + timeout_s
        # The metrics face starts last, so the health of the HTTP face alone would be too early.
        waited_for = [
            f"http://{LOOPBACK}:{self.metrics_port}/metrics",
            f"http://{LOOPBACK}:{self.http_port}/v2/health/live",
        ]
        # trust_env: a proxy in the environment must not be asked for a loopback address.
        async with httpx.AsyncClient(trust_env=False, timeout=5.0) as client:
            while waited_for:
                if self._ended.done() or self.returncode is not None:
                    await self.wait()
                    raise why_it_ended(self._last_lines, self.returncode)
                if asyncio.get_running_loop().time() > deadline:
                    raise EngineTimeout(f"Triton did not answer within {timeout_s:g} seconds after its start")
                try:
                    if (await client.get(waited_for[0])).status_code == httpx.codes.OK:
                        waited_for.pop(0)
                        continue
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.05)

    async def wait(self) -> int:
        """Wait for the end, whoever brought it about, until nothing of this Triton is left; the return code."""
        return await asyncio.shield(self._ended)

    async def stop(self, timeout_s: float = 15.0) -> int:
        """End it: politely, and after `timeout_s` by force, with the processes of its models. Safe to call twice."""
        if not self._ended.done():
            self._signal(signal.SIGTERM if timeout_s > 0 else signal.SIGKILL)
            try:
                return await asyncio.wait_for(self.wait(), timeout_s if timeout_s > 0 else None)
            except asyncio.TimeoutError:
                self._signal(signal.SIGKILL)
        return await self.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _watch(self) -> int:
        reading = asyncio.create_task(self._read_output())
        returncode = await self._process.wait()
        # A model's process ends by itself some seconds after its Triton, and not at all when it hangs. It is in
        # Triton's own process group, which no other process can be in.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        # The pipe closes when the last of them is gone.
        await asyncio.wait([reading], timeout=5.0)
        reading.cancel()
        shared_memory.remove_regions(self._prefix)
        await asyncio.to_thread(functools.partial(shutil.rmtree, self._runtime, ignore_errors=True))
        close_sink(self._log)
        return returncode

    async def _read_output(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        rest = b""
        # In pieces, not by readline: a model may print a line longer than the reader's limit.
        while piece := await self._process.stdout.read(65536):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                self._take(line)
        if rest:
            self._take(rest)

    def _take(self, raw: bytes) -> None:
        text = raw.decode("utf-8", "replace").rstrip()
        if text:
            self._last_lines.append(text)
            self._log(parse(text))


def _prepare(repository: Path, grpc_port: int, http_port: int, metrics_port: int) -> Ports:
    for port in (grpc_port, http_port, metrics_port):
        if port and not is_free(port):
            raise TritonPortTaken(port)
    shared_memory.remove_orphans()
    runtime_folder.remove_orphans()
    shared_memory.require_room()
    repository.mkdir(parents=True, exist_ok=True)  # Triton ends at once when its repository is not there
    spare = iter(free_ports(3))
    return Ports(grpc_port or next(spare), http_port or next(spare), metrics_port or next(spare))

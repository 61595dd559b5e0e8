"""A real tritonserver comes up and goes away, and nothing of it stays behind, however it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from modelyard.engine import process as module
from modelyard.engine import shared_memory
from modelyard.engine.command_line import Ports
from modelyard.engine.distribution import Distribution
from modelyard.engine.endings import TritonPortTaken
from modelyard.engine.log_lines import LogLine
from modelyard.engine.ports import free_ports, is_free
from modelyard.engine.process import TritonProcess
from modelyard.errors import EngineUnavailable, HostProblem, PortTaken
from tests.engine.conftest import group_of


async def load(triton: TritonProcess, model: str) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        url = f"http://127.0.0.1:{triton.http_port}/v2/repository/models/{model}/load"
        assert (await http.post(url)).status_code == 200


async def nothing_left(triton: TritonProcess) -> None:
    """Wait until no process is left; the test's own time limit ends a wait in vain."""
    while group_of(triton.pid):  # noqa: ASYNC110 - processes tell nobody
        await asyncio.sleep(0.02)
    assert all(map(is_free, (triton.grpc_port, triton.http_port, triton.metrics_port)))
    assert not list(shared_memory.SHM.glob(f"{triton._prefix}*"))
    assert not triton._runtime.exists()


async def test_it_starts_answers_and_stops(distribution: Distribution, tmp_path: Path) -> None:
    lines: list[LogLine] = []
    triton = await TritonProcess.launch(distribution, repository=tmp_path / "new", log=lines.append)
    assert triton.returncode is None
    listening = {c.laddr for c in psutil.Process(triton.pid).net_connections("tcp") if c.status == psutil.CONN_LISTEN}
    assert {(each.ip.removeprefix("::ffff:"), each.port) for each in listening} == {
        ("127.0.0.1", port) for port in (triton.grpc_port, triton.http_port, triton.metrics_port)
    }
    assert await triton.stop() == triton.returncode == 0
    await nothing_left(triton)
    assert await triton.stop() == 0
    assert not [line for line in lines if line.severity in ("warning", "error")]
    assert any("Started GRPCInferenceService" in line.text for line in lines)


async def test_a_terminals_interrupt_does_not_reach_it(distribution: Distribution, tmp_path: Path) -> None:
    triton = await TritonProcess.launch(distribution, repository=tmp_path)
    assert os.getsid(triton.pid) == os.getpgid(triton.pid) == triton.pid
    await triton.stop()


async def test_a_model_that_hangs_is_ended_too(distribution: Distribution, sleeper_repository: Path) -> None:
    triton = await TritonProcess.launch(distribution, repository=sleeper_repository, exit_timeout_s=1)
    await load(triton, "sleeper")
    assert len(group_of(triton.pid)) == 2
    await triton.stop()
    await nothing_left(triton)


async def test_after_a_kill_no_model_is_left(distribution: Distribution, sleeper_repository: Path) -> None:
    triton = await TritonProcess.launch(distribution, repository=sleeper_repository)
    await load(triton, "sleeper")
    os.kill(triton.pid, signal.SIGKILL)
    assert await triton.wait() == -signal.SIGKILL
    await nothing_left(triton)


_PARENT = """
import asyncio, sys
from pathlib import Path
from modelyard.engine.distribution import find_distribution
from modelyard.engine.process import TritonProcess

async def main():
    triton = await TritonProcess.launch(find_distribution(Path(sys.argv[1])), repository=Path(sys.argv[2]))
    print(triton.pid, triton.grpc_port, flush=True)
    await asyncio.sleep(1000)

asyncio.run(main())
"""


async def test_it_ends_with_its_parent(engine_python: Path, tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PARENT, engine_python, tmp_path, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid, port = map(int, (await parent.stdout.readline()).split())
    assert group_of(pid)
    parent.kill()
    await parent.wait()
    while group_of(pid) or not is_free(port):  # noqa: ASYNC110 - processes tell nobody
        await asyncio.sleep(0.02)


async def test_a_chosen_port_that_is_taken(distribution: Distribution, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port}"):
            await TritonProcess.launch(distribution, repository=tmp_path, grpc_port=port)


@pytest.mark.parametrize("face", ["grpc", "http", "metrics"])
async def test_a_free_port_that_is_lost_is_replaced(
    face: str, distribution: Distribution, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        grpc, http, metrics = free_ports(3)
        lost = Ports(**({"grpc": grpc, "http": http, "metrics": metrics} | {face: port}))
        prepare = module._prepare
        choices = iter([lost])
        monkeypatch.setattr(module, "_prepare", lambda *given: next(choices, None) or prepare(*given))
        triton = await TritonProcess.start(distribution, repository=tmp_path, exit_timeout_s=1)
        with pytest.raises(TritonPortTaken, match=f"port {port}"):
            await triton.wait_live()
        assert not group_of(triton.pid)
        choices = iter([lost])
        triton = await TritonProcess.launch(distribution, repository=tmp_path, exit_timeout_s=1)
        assert port not in (triton.grpc_port, triton.http_port, triton.metrics_port)
        await triton.stop()


async def test_a_triton_that_cannot_start_says_why(distribution: Distribution, tmp_path: Path) -> None:
    triton = await TritonProcess.start(distribution, repository=tmp_path, extra_arguments=["--load-model=ghost"])
    with pytest.raises(EngineUnavailable, match="failed to load all models"):
        await triton.wait_live()


async def test_too_little_shared_memory(
    distribution: Distribution, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_memory, "_NEEDED", 2**60)
    with pytest.raises(HostProblem, match="MiB free") as error:
        await TritonProcess.start(distribution, repository=tmp_path)
    assert "--shm-size" in error.value.hint


def test_what_a_killed_process_left_is_removed() -> None:
    gone = shared_memory.SHM / "modelyard-4194305-0-left"  # above the kernel's largest process id
    mine = shared_memory.SHM / f"modelyard-{os.getpid()}-99-kept"
    for region in (gone, mine):
        region.touch()
    shared_memory.remove_orphans()
    assert mine.exists()
    assert not gone.exists()
    mine.unlink()


def test_free_ports_are_different_and_free() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert all(map(is_free, ports))

"""Tritons that come and go: a list in a file, a name with several addresses, and a Triton that is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from gateway.domain.generation import Finished
from gateway.domain.ports import Asked
from gateway.engine import client, watch
from gateway.engine import replicas as module
from gateway.engine.discovery import Addresses
from gateway.engine.replicas import Replicas
from modelyard.engine.ports import free_ports
from modelyard.errors import EngineUnavailable, GenerationBroken
from modelyard.settings import Settings
from tests.gateway.running import ENGINE_PYTHON, PARROT, ROOT, Triton
from tests.gateway.waiting import until


async def _text(replicas: Replicas, prompt: str) -> str:
    events = replicas.generate("parrot", Asked(prompt), stream=True)
    return "".join([getattr(event, "text", "") async for event in events])


class Listed:
    """Replicas that follow a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.replicas = Replicas(lambda: [f"file://{file}"], load_timeout_s=60, timeout_s=60)

    def write(self, *urls: str) -> None:
        partial = self._file.with_suffix(".new")
        partial.write_text("# the Tritons of this test\n\n" + "".join(f"{url}\n" for url in urls))
        partial.rename(self._file)

    def known(self) -> dict[str, bool]:
        return {target: ready for target, ready, _ in self.replicas.states()}


@pytest.fixture
async def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Listed]:
    monkeypatch.setattr(module, "_LOOK_S", 0.05)
    made = Listed(tmp_path / "tritons")
    yield made
    await made.replicas.close()


@pytest.fixture
def other(triton: Triton) -> str:
    """Another address of the same Triton, which makes it two."""
    return triton.url.replace("127.0.0.1", "localhost")


async def test_a_triton_that_joins_has_its_models_before_it_gets_requests(
    listed: Listed, triton: Triton, other: str
) -> None:
    listed.write(triton.url)
    await listed.replicas.start()
    await listed.replicas.load("parrot")
    listed.write(triton.url, other)
    await until(lambda: len(listed.known()) == 2 and all(listed.known().values()))
    joined = listed.replicas._replicas[1]
    await until(lambda: "parrot" in joined.loaded)
    assert await _text(listed.replicas, "words=2") == "polly wants "


async def test_who_else_notices_that_it_answers_does_not_keep_it_from_its_models(
    listed: Listed, triton: Triton, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The readiness that a load balancer asks for looks at every Triton too, and may be the first to see one."""
    listed.write(triton.url)
    await listed.replicas.start()
    await listed.replicas.load("parrot")
    monkeypatch.setattr(module.Replica, "watch", _late(module.Replica.watch))
    listed.write(triton.url, other)
    await until(lambda: len(listed.known()) == 2)
    await listed.replicas.answer()
    assert all(listed.known().values())
    await until(lambda: "parrot" in listed.replicas._replicas[1].loaded)


def _late(watch: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., Coroutine[Any, Any, None]]:
    async def later(*arguments: Any) -> None:
        await asyncio.sleep(1)
        await watch(*arguments)

    return later


async def test_one_that_leaves_finishes_what_it_is_at_and_gets_nothing_new(
    listed: Listed, triton: Triton, other: str
) -> None:
    listed.write(triton.url)
    await listed.replicas.start()
    answer = listed.replicas.generate("parrot", Asked("words=30 delay=0.05"), stream=True)
    await anext(answer)
    leaving = listed.replicas._replicas[0]
    listed.write(other)
    await until(lambda: listed.known() == {other.removeprefix("grpc://"): True})
    assert leaving.in_flight == 1
    assert await _text(listed.replicas, "words=1") == "polly "
    assert leaving.in_flight == 1
    events = [event async for event in answer]
    assert isinstance(events[-1], Finished)
    await until(lambda: not listed.replicas._leaving)


async def test_a_list_that_cannot_be_read_is_not_an_empty_one(listed: Listed, triton: Triton, tmp_path: Path) -> None:
    await listed.replicas.start()
    with pytest.raises(EngineUnavailable, match="none is found"):
        await _text(listed.replicas, "words=1")
    listed.write(triton.url)
    await until(lambda: len(listed.known()) == 1)
    listed.write(triton.url, "http://127.0.0.1:8000")  # a mistake of somebody's
    await asyncio.sleep(0.2)
    assert len(listed.known()) == 1
    (tmp_path / "tritons").unlink()
    await asyncio.sleep(0.2)
    assert await _text(listed.replicas, "words=1") == "polly "


async def test_a_name_stands_for_all_its_addresses() -> None:
    found = await Addresses(lambda: ["dns://localhost:8001", "grpc://127.0.0.1:8001"]).find()
    assert found.count("grpc://127.0.0.1:8001") == 1
    assert all(url in ("grpc://127.0.0.1:8001", "grpc://[::1]:8001") for url in found)


async def test_a_name_that_is_not_there_is_said_once() -> None:
    addresses = Addresses(lambda: ["dns://nobody.invalid:8001"])
    with structlog.testing.capture_logs() as lines:
        assert [await addresses.find() for _ in range(3)] == [(), (), ()]
    assert [line["source"] for line in lines] == ["dns://nobody.invalid:8001"]


@pytest.mark.parametrize("url", ["http://triton:8001", "dns://triton", "file://relative/list", "triton"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not a Triton gRPC address"):
        Settings(_env_file=None, triton_urls=[url])


@contextlib.contextmanager
def _in_the_foreground(repository: Path, log: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """`python -m modelyard.engine`, as a container starts it."""
    grpc_port, http_port, metrics_port = free_ports(3)
    ports = [f"--grpc-port={grpc_port}", f"--http-port={http_port}", f"--metrics-port={metrics_port}"]
    command = [str(ENGINE_PYTHON), "-m", "modelyard.engine", f"--repository={repository}", "--exit-timeout=30", *ports]
    with log.open("wb") as out, subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out) as process:
        try:
            while process.poll() is None:
                with contextlib.suppress(httpx.TransportError):
                    httpx.get(f"http://127.0.0.1:{http_port}/v2/health/ready", trust_env=False)
                    break
            yield process, f"grpc://127.0.0.1:{grpc_port}"
        finally:
            process.terminate()  # its models' processes end with it; killed, it would leave them
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


async def test_a_triton_that_is_told_to_stop_loses_no_answer(tmp_path: Path) -> None:
    """What it is at goes on to its end; what comes meanwhile is given to the other one."""
    shutil.copytree(PARROT, tmp_path / "repository" / "parrot")
    with (
        _in_the_foreground(tmp_path / "repository", tmp_path / "a.log") as (first, a),
        _in_the_foreground(tmp_path / "repository", tmp_path / "b.log") as (second, b),
    ):
        replicas = Replicas(lambda: [a, b], load_timeout_s=60, timeout_s=60)
        await replicas.start()
        try:
            await replicas.load("parrot")
            whole = await _text(replicas, "words=40")
            answers = [asyncio.create_task(_text(replicas, "words=40 delay=0.05")) for _ in range(8)]
            await until(lambda: [each.in_flight for each in replicas._replicas] == [4, 4])
            await asyncio.sleep(0.3)
            first.send_signal(signal.SIGTERM)
            for _ in range(40):
                answers.append(asyncio.create_task(_text(replicas, "words=40 delay=0.02")))
                await asyncio.sleep(0.05)
            assert await asyncio.gather(*answers) == [whole] * len(answers)
            assert await asyncio.to_thread(first.wait, 30) == 0
            assert second.poll() is None
        finally:
            await replicas.close()


async def test_a_triton_whose_host_vanishes_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing says so: the connection stays open. A process that is stopped is silent in the same way."""
    monkeypatch.setattr(watch, "_SILENCE_S", 0.5)
    monkeypatch.setattr(client, "_GONE_S", 0.5)
    shutil.copytree(PARROT, tmp_path / "repository" / "parrot")
    with (
        _in_the_foreground(tmp_path / "repository", tmp_path / "a.log") as (first, a),
        _in_the_foreground(tmp_path / "repository", tmp_path / "b.log") as (second, b),
    ):
        replicas = Replicas(lambda: [a, b], load_timeout_s=60, timeout_s=60)
        await replicas.start()
        try:
            await replicas.load("parrot")
            begun = replicas.generate("parrot", Asked("words=40 delay=0.1"), stream=True)
            await anext(begun)
            other = replicas.generate("parrot", Asked("words=200 delay=0.1"), stream=True)
            frozen = {1: first, 0: second}[replicas._replicas[0].in_flight]  # which one is asked first depends on ports
            await anext(other)
            assert [each.in_flight for each in replicas._replicas] == [1, 1]
            frozen.send_signal(signal.SIGSTOP)
            try:
                texts = [_text(replicas, "words=2") for _ in range(4)]  # both are given some of these
                assert await asyncio.wait_for(asyncio.gather(*texts), 60) == ["polly wants "] * 4
                with pytest.raises(GenerationBroken):
                    async for _event in begun:
                        pass
            finally:
                frozen.send_signal(signal.SIGCONT)
            await other.aclose()
        finally:
            await replicas.close()

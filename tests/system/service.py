"""Starts `modelyard serve` as a user does, in a process of its own, and knows where it listens.

Used by the system tests and the benchmark; decides nothing about what is right.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[2]
MODELYARD = ROOT / ".envs/gateway/bin/modelyard"
START_TIMEOUT_S = 120.0  # a cold machine reads the engine's libraries from disk first


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(**settings: object) -> dict[str, str]:
    """This process's environment without settings of the person who runs the tests, and with those given."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MODELYARD_")}
    return clean | {f"MODELYARD_{name.upper()}": str(value) for name, value in settings.items()}


@dataclass
class Service:
    """A running `modelyard serve`. `output` is what it has printed, standard error included."""

    process: subprocess.Popen[bytes]
    port: int
    grpc_port: int
    metrics_port: int
    output_file: Path
    repository: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        return self.output_file.read_text()

    def tritons(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            children = psutil.Process(self.process.pid).children(recursive=True)
            return [child for child in children if child.name() == "tritonserver"]
        return []

    def family(self) -> list[psutil.Process]:
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a Triton metric's samples that have these labels."""
        page = httpx.get(f"http://127.0.0.1:{self.metrics_port}/metrics").text
        total = 0.0
        for line in page.splitlines():
            match = re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line)
            if match and all(f'{key}="{value}"' in (match[1] or "") for key, value in labels.items()):
                total += float(match[2])
        return total

    def wait_until_ready(self, timeout_s: float = START_TIMEOUT_S) -> None:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"modelyard serve ended with {self.process.returncode}:\n{self.output}")
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/health/ready").status_code == 200:
                    return
            time.sleep(0.05)
        raise AssertionError(f"not ready after {timeout_s} s:\n{self.output}")

    def stop(self, how: signal.Signals = signal.SIGTERM, timeout_s: float = 60.0) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(timeout_s)


@contextlib.contextmanager
def serving(repository: Path, folder: Path, *arguments: str, **settings: object) -> Iterator[Service]:
    """A service over the repository; its output goes to a file in `folder`; stopped at the end whatever happened."""
    port, grpc_port, metrics_port = free_port(), free_port(), free_port()
    output_file = folder / f"serve-{port}.log"
    given: Mapping[str, object] = {
        "port": port,
        "model_repository": repository,
        "triton_grpc_port": grpc_port,
        "triton_metrics_port": metrics_port,
        "socket": "",  # the usual one is for the gateway of the person who runs the tests
    } | settings
    with output_file.open("wb") as output:
        process = subprocess.Popen(
            [MODELYARD, "serve", *arguments], env=environment(**given), cwd=ROOT, stdout=output, stderr=output
        )
    service = Service(process, port, grpc_port, metrics_port, output_file, repository)
    try:
        yield service
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

"""The engine environment of this checkout, asked once."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from modelyard.engine.distribution import Distribution, find_distribution
from modelyard.settings import Settings


@pytest.fixture(scope="session")
def engine_python() -> Path:
    return Settings().engine_python


@pytest.fixture(scope="session")
def distribution(engine_python: Path) -> Distribution:
    return find_distribution(engine_python)


@pytest.fixture
def sleeper_repository(tmp_path: Path) -> Path:
    """A repository with one Python model that hangs: busy in a thread of its own, and deaf to its end."""
    version = tmp_path / "repository" / "sleeper" / "1"
    version.mkdir(parents=True)
    (version / "model.py").write_text(
        "import threading, time\n"
        "class TritonPythonModel:\n"
        "    def initialize(self, args):\n"
        "        threading.Thread(target=self.spin, daemon=True).start()\n"
        "    def spin(self):\n"
        "        while True: sum(range(1000))\n"
        "    def execute(self, requests): return None\n"
        "    def finalize(self): time.sleep(1000)\n"
    )
    (version.parent / "config.pbtxt").write_text(
        'backend: "python"\nmax_batch_size: 0\n'
        'input [{ name: "x" data_type: TYPE_BOOL dims: [1] }]\n'
        'output [{ name: "y" data_type: TYPE_BOOL dims: [1] }]\n'
    )
    return tmp_path / "repository"


def group_of(pid: int) -> set[int]:
    """The processes of a Triton, which are all in its own group, zombies left out."""
    found = set()
    for process in psutil.process_iter(["pid", "status"]):
        try:
            if os.getpgid(process.pid) == pid and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.add(process.pid)
        except ProcessLookupError:
            continue
    return found

"""A gateway over parrots for the commands that ask one, and a user whose folders are empty."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.gateway.running import Gateway, serving
from tests.modelyard.cli.running import ROOT, clean_environment
from tests.modelyard.cli.terminal import Terminal
from tests.modelyard.conftest import Served

YARD = (sys.executable, "-m", "modelyard")


@pytest.fixture(scope="session")
def parrots(served: Served) -> Iterator[Gateway]:
    served.load("polly")
    with serving([served.triton.url], model_repository=served.repository, default_model="polly") as running:
        yield running


@pytest.fixture
def user(tmp_path: Path) -> dict[str, str]:
    """The environment of a user who has nothing yet."""
    folders = {f"XDG_{name}": tmp_path / name.lower() for name in ("RUNTIME_DIR", "STATE_HOME", "DATA_HOME")}
    for folder in folders.values():
        folder.mkdir(mode=0o700)
    return {name: str(folder) for name, folder in folders.items()}


@pytest.fixture
def asking(parrots: Gateway, user: Mapping[str, str]) -> dict[str, str]:
    """The same, with the gateway to ask."""
    return {**user, "MODELYARD_URL": parrots.url}


@pytest.fixture
def terminal(asking: dict[str, str]) -> Iterator[Callable[..., Terminal]]:
    """Opens `modelyard ...` on a terminal."""
    opened: list[Terminal] = []

    def open_one(*arguments: str, **more: str) -> Terminal:
        environment = clean_environment(None, {**asking, **more})
        opened.append(Terminal([*YARD, *arguments], cwd=ROOT, env=environment))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()

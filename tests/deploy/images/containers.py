"""Containers of our images as a test starts them: hardened as the compose files do it, and removed afterwards.

Knows the program `docker`; does not know what the images are for.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

HARDENED = (
    "--read-only",
    "--tmpfs=/tmp:rw,exec,nosuid,nodev,mode=1777",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
)


def docker(*arguments: str, text: str | None = None) -> str:
    """What it prints; an AssertionError with its complaint when it fails."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, input=text)
    assert done.returncode == 0, f"docker {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done.stdout


def inspect(name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = json.loads(docker("inspect", name))
    return found[0]


def shell(tag: str, script: str, *options: str) -> str:
    """What a script says that runs in the image, as its own user."""
    return docker("run", "--rm", "--entrypoint=sh", *options, tag, "-c", script)


@contextlib.contextmanager
def container(tag: str, *command: str, options: tuple[str, ...] = ()) -> Iterator[str]:
    """The name of a container that runs."""
    name = f"modelyard-test-{uuid.uuid4().hex[:8]}"
    docker("run", "--detach", f"--name={name}", *HARDENED, *options, tag, *command)
    try:
        yield name
    finally:
        docker("rm", "--force", "--volumes", name)


@contextlib.contextmanager
def network() -> Iterator[str]:
    name = f"modelyard-test-{uuid.uuid4().hex[:8]}"
    docker("network", "create", name)
    try:
        yield name
    finally:
        docker("network", "rm", name)


def logs(name: str) -> str:
    done = subprocess.run(["docker", "logs", name], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def wait_for_health(name: str, wanted: str = "healthy") -> None:
    """Return when the engine says so; an AssertionError with the log when it does not within two minutes."""

    def reached() -> bool:
        state = inspect(name)["State"]
        assert state["Running"], f"it ended\n{logs(name)}"
        return bool(state["Health"]["Status"] == wanted)

    wait_until(reached, lambda: f"{inspect(name)['State']['Health']}\n{logs(name)}")


def wait_until(reached: Callable[[], bool], explain: Callable[[], object], limit_s: float = 120.0) -> None:
    until = time.monotonic() + limit_s
    while not reached():
        assert time.monotonic() < until, explain()
        time.sleep(0.3)

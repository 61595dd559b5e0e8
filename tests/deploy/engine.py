"""A Docker engine for the tests that need one: the one that is there, or one of their own for as long as they run.

    python -m tests.deploy.engine COMMAND ...

runs a command with DOCKER_HOST naming an engine that has the base images. Where none can be had it says NOT RUN and
why, and ends with 0: a machine without containers is no fault of the sources. Knows this machine; does not know what
is tested.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.deploy import base_images

# Set for the tests that need an engine; without it pytest passes their folders by, see conftest.py.
SWITCH = "MODELYARD_TEST_DEPLOY"
# Layers stay between runs, so that the second one builds in seconds. Outside of any build's context.
DATA_ROOT = Path(os.environ.get("MODELYARD_TEST_DOCKER_ROOT", "/var/lib/modelyard-test-docker"))

_PREFIX = "yard-docker-"
_DEFAULT_SOCKET = "unix:///var/run/docker.sock"
_START_S = 60.0
# What is asked of the host, and the Debian package that brings it.
_CLIENT = {"docker": "docker.io"}
_MAKING = {"debootstrap": "debootstrap"}
_ENGINE = {**_CLIENT, "dockerd": "docker.io", "containerd": "containerd", "iptables": "iptables"}


class NoEngine(Exception):
    """One sentence: why there is none."""


@dataclass(frozen=True)
class Engine:
    """`host` is what DOCKER_HOST says; `own` is one that was started for the tests, here or by `main`."""

    host: str
    own: bool

    @property
    def environment(self) -> dict[str, str]:
        return {"DOCKER_HOST": self.host}

    def restart(self) -> None:
        """End it as a reboot does, and return when it answers again. Only for one of the tests' own."""
        assert self.own, "the engine of this machine is not ours to restart"
        pid_file = Path(self.host.removeprefix("unix://")).with_name("pid")
        before = pid_file.read_text()
        os.kill(int(before), signal.SIGTERM)
        until = time.monotonic() + _START_S
        while not (pid_file.exists() and pid_file.read_text() not in ("", before) and _answers(self.host)):
            assert time.monotonic() < until, "Docker's engine did not come back"
            time.sleep(0.3)


@contextlib.contextmanager
def docker_engine() -> Iterator[Engine]:
    """An engine with the base images, ended afterwards when it was started here. Raises NoEngine."""
    with contextlib.ExitStack() as stack:
        engine = _running() or stack.enter_context(_started())
        have_programs(_CLIENT)
        if not _has_compose():
            _install(["docker-compose"])
        try:
            base_images.provide(engine.environment, before_making=lambda: have_programs({"debootstrap": "debootstrap"}))
        except base_images.NoBaseImage as error:
            raise NoEngine(str(error)) from error
        yield engine


def _running() -> Engine | None:
    host = os.environ.get("DOCKER_HOST")
    for candidate in [host] if host else [_DEFAULT_SOCKET]:
        if shutil.which("docker") and _answers(candidate):
            return Engine(candidate, own=Path(candidate.removeprefix("unix://")).parent.name.startswith(_PREFIX))
    if host:
        raise NoEngine(f"DOCKER_HOST is {host}, and no engine answers there")
    return None


def _answers(host: str) -> bool:
    asked = ["docker", "--host", host, "version", "--format", "{{.Server.Version}}"]
    try:
        return subprocess.run(asked, capture_output=True, check=False, timeout=20).returncode == 0
    except subprocess.TimeoutExpired:
        return False


@contextlib.contextmanager
def _started() -> Iterator[Engine]:
    if os.geteuid() != 0:
        raise NoEngine("no Docker engine answers, and only root can start one")
    # Two engines would take each other's rules out of the host's packet filter.
    if other := _dockerd_of_others():
        raise NoEngine(f"an engine runs here already (process {other}); name its socket in DOCKER_HOST")
    have_programs(_ENGINE)
    DATA_ROOT.mkdir(parents=True, exist_ok=True)
    # In a folder with a short name: a socket's path may have 107 characters.
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder:
        run = Path(folder)
        host = f"unix://{run}/docker.sock"
        command = [
            "dockerd",
            f"--data-root={DATA_ROOT}",
            f"--exec-root={run}/exec",
            f"--pidfile={run}/pid",
            f"--host={host}",
            "--log-level=warn",
        ]
        with _Kept(command, run / "log") as kept:
            kept.wait_for(host)
            yield Engine(host, own=True)


class _Kept:
    """dockerd, started again whenever it ends, as a service of systemd is."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._command = command
        self._log = log
        self._ending = False
        self._answered = False

    def __enter__(self) -> _Kept:
        self._start()
        self._thread = threading.Thread(target=self._keep, name="dockerd")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending = True
        self._dockerd.terminate()  # stops its containers, and containerd with it
        self._thread.join(60)
        if self._dockerd.poll() is None:
            self._dockerd.kill()

    def _start(self) -> None:
        with self._log.open("ab") as out:
            self._dockerd = subprocess.Popen(self._command, stdout=out, stderr=subprocess.STDOUT)

    def _keep(self) -> None:
        while True:
            self._dockerd.wait()
            if self._ending or not self._answered:
                return
            self._start()

    def wait_for(self, host: str) -> None:
        until = time.monotonic() + _START_S
        while not _answers(host):
            if self._dockerd.poll() is not None or time.monotonic() > until:
                lines = self._log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
                raise NoEngine(f"dockerd does not run on this machine: {lines[-1]}")
            time.sleep(0.3)
        self._answered = True


def _dockerd_of_others() -> int | None:
    """One with this process's own network; those inside of containers have theirs."""
    ours = Path("/proc/self/ns/net").readlink()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (folder / "comm").read_text().strip() == "dockerd" and (folder / "ns/net").readlink() == ours:
                return int(folder.name)
    return None


def _has_compose() -> bool:
    if shutil.which("docker-compose"):
        return True
    return subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0


def have_programs(wanted: dict[str, str]) -> None:
    """Install Debian's packages of those that are missing. Raises NoEngine where that cannot be done."""
    missing = sorted({package for program, package in wanted.items() if shutil.which(program) is None})
    if missing:
        _install(missing)


def _install(packages: Sequence[str]) -> None:
    names = " ".join(packages)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise NoEngine(f"{names} is missing, and only root on a Debian or Ubuntu machine can install it from here")
    print(f"installing {names}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "--quiet", "update"],
        ["apt-get", "--quiet", "install", "--yes", "--no-install-recommends", *packages],
    ):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NoEngine(f"{names} cannot be installed: {(done.stderr or done.stdout).strip().splitlines()[-1]}")


def main(command: Sequence[str]) -> int:
    if not command:
        print(__doc__, file=sys.stderr)
        return 2
    # An engine of our own is ended also when this is.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with contextlib.ExitStack() as stack:
        try:
            engine = stack.enter_context(docker_engine())
        except NoEngine as error:
            print(f"NOT RUN: {error}")
            return 0
        environment = {**os.environ, **engine.environment, SWITCH: "1"}
        return subprocess.run(list(command), env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

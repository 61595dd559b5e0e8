"""A gateway in the background: started when a command needs one and none runs, and ended when it is asked to.

The gateway inherits a locked file. The kernel gives the lock back however it ends, so a file that can be locked is that
of a dead one, and no other process can be taken for it. Knows processes; does not know what a gateway serves.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from modelyard import usage, user_folders
from modelyard.cli import output
from modelyard.cli.gateway_client import GatewayClient, find_place
from modelyard.entry import entries_in
from modelyard.errors import EngineTimeout, GatewayMissing, ModelMissing

if TYPE_CHECKING:
    from modelyard.settings import Settings

_PAUSE_S = 0.1
_LINES = 12  # of the log, when a start failed
_NOT_YET = (None, "starting")


def client(settings: Settings, url: str | None = None, *, model: str | None = None) -> GatewayClient:
    """The gateway to ask; one is started, with `model`, when none runs on this machine. Waits until it has started.

    Raises GatewayMissing when there is none and none could be started.
    """
    found = GatewayClient.of(settings, find_place(settings, url))
    state = found.readiness()
    if state not in _NOT_YET:
        return found
    if state is None and not found.place.local:
        found.close()
        raise GatewayMissing(
            f"no gateway answers at {found.place.url}", hint="is it running, and is the address right?"
        )
    found.close()
    with output.progress() as shown:
        if state == "starting":
            shown.step("waiting for the gateway to start")
            return _wait(settings, url, None)
        return _start(settings, model, shown)


def running(settings: Settings, url: str | None = None) -> GatewayClient:
    """The gateway to ask, which must be running."""
    found = GatewayClient.of(settings, find_place(settings, url))
    if found.readiness() is None:
        found.close()
        raise GatewayMissing(f"no gateway answers at {found.place.url}", hint="start one: modelyard serve")
    return found


def _start(settings: Settings, model: str | None, shown: output.Progress) -> GatewayClient:
    if model is not None:
        _check_installed(settings, model)
    folder = user_folders.made_private(user_folders.state())
    with _alone(folder / "starting.lock"):
        # Somebody else may have started it while this one waited for the lock.
        found = GatewayClient.of(settings, find_place(settings))
        if found.readiness() is not None:
            return _wait(settings, None, None)
        log = _log_file(settings)
        shown.step("starting a gateway in the background")
        process = _launch(settings, model, log)
        try:
            ready = _wait(settings, None, process, log)
        except BaseException:
            _end(process)
            raise
        shown.note(f"it runs until 'modelyard stop --gateway'; its log is {log}")
        return ready


def _check_installed(settings: Settings, model: str) -> None:
    """Nothing is started for a model that is not there."""
    names = [entry.name for entry in entries_in(settings.model_repository)]
    if model not in names:
        raise ModelMissing(model, names)


def _launch(settings: Settings, model: str | None, log: Path) -> subprocess.Popen[bytes]:
    note = _note_file(settings)
    package = str(Path(__file__).resolve().parents[2])
    search = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "modelyard", "serve"]
    if model is not None:
        # The one that was used last is loaded at the start, and may go when it is idle; one of --model would stay.
        usage.record(settings.model_repository, model)
    descriptor = os.open(user_folders.private_file(note), os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise GatewayMissing(
            "the gateway that was started in the background lives and does not answer",
            hint=f"stop it with 'modelyard stop --gateway'; its log is {log}",
        ) from error
    try:
        with user_folders.private_file(log).open("wb") as written:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
                env={**os.environ, "PYTHONPATH": search},
                start_new_session=True,  # the terminal's Ctrl-C and its end are not for the gateway
                pass_fds=[descriptor],  # and with it the lock
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(process.pid).encode(), 0)
        return process
    finally:
        os.close(descriptor)


def _wait(
    settings: Settings, url: str | None, process: subprocess.Popen[bytes] | None, log: Path | None = None
) -> GatewayClient:
    """Until the gateway has started; `process` is the one to watch, whose log is shown when it ends."""
    deadline = time.monotonic() + settings.load_timeout_s
    while time.monotonic() < deadline:
        found = GatewayClient.of(settings, find_place(settings, url))
        if found.readiness() not in _NOT_YET:
            return found
        found.close()
        if process is not None and process.poll() is not None:
            raise GatewayMissing(f"the gateway could not be started:\n{_last_lines(log)}", hint=f"its log is {log}")
        time.sleep(_PAUSE_S)
    raise EngineTimeout(f"the gateway has not started within {settings.load_timeout_s:g} seconds")


def stop(settings: Settings, *, timeout_s: float = 60.0) -> bool:
    """End the gateway that was started in the background for these settings; False when there is none."""
    note = _note_file(settings)
    if (pid := _living(note)) is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout_s
    while _living(note) is not None:
        if time.monotonic() > deadline:
            raise EngineTimeout(f"the gateway (process {pid}) has not ended within {timeout_s:g} seconds")
        time.sleep(_PAUSE_S)
    note.unlink(missing_ok=True)
    return True


def _living(note: Path) -> int | None:
    """The process that holds the note locked."""
    try:
        descriptor = os.open(note, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(os.read(descriptor, 32) or b"0") or None
    else:
        return None
    finally:
        os.close(descriptor)


def _end(process: subprocess.Popen[bytes]) -> None:
    """A start that nobody waits for any longer leaves nothing running."""
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """One start at a time; the others wait for it."""
    descriptor = os.open(user_folders.private_file(lock), os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _last_lines(log: Path | None) -> str:
    lines = log.read_text(errors="replace").splitlines() if log is not None else []
    return "\n".join(f"  {line}" for line in lines[-_LINES:])


def _note_file(settings: Settings) -> Path:
    return user_folders.state() / f"gateway-{settings.port}.pid"


def _log_file(settings: Settings) -> Path:
    return user_folders.state() / f"gateway-{settings.port}.log"

"""The socket that a gateway listens on: whose it is, who may open it, and what a dead gateway leaves."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard import user_folders
from modelyard.cli import service, unix_socket
from modelyard.errors import HostProblem, InvalidInput, SocketTaken
from modelyard.settings import Settings
from tests.modelyard.cli.running import ROOT

_HOLDER = """
import sys, time
from pathlib import Path
from modelyard.cli.unix_socket import listening
with listening(Path(sys.argv[1])) as listener:
    listener.listen()
    print("listening", flush=True)
    time.sleep(600)
"""


@contextlib.contextmanager
def _another(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that listens on the socket."""
    process = subprocess.Popen([sys.executable, "-c", _HOLDER, str(path)], cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"listening\n"
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_only_its_user_can_open_it_and_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "new" / "gateway.sock"
    with unix_socket.listening(path) as listener:
        listener.listen()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert unix_socket.is_answered(path)
    assert list(path.parent.iterdir()) == []
    assert not unix_socket.is_answered(path)


def test_what_a_killed_gateway_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "gateway.sock"
    with _another(path) as other:
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
        assert path.is_socket()
        with unix_socket.listening(path) as listener:
            listener.listen()
            assert unix_socket.is_answered(path)


def test_a_living_gateways_is_left_to_it(tmp_path: Path) -> None:
    path = tmp_path / "gateway.sock"
    with _another(path):
        with pytest.raises(SocketTaken, match="another program listens on"), unix_socket.listening(path):
            pass
        assert unix_socket.is_answered(path)


def test_a_program_that_knows_no_lock_is_left_alone_too(tmp_path: Path) -> None:
    path = tmp_path / "gateway.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(SocketTaken), unix_socket.listening(path):
            pass
        assert path.is_socket()


def test_a_file_that_is_no_socket_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    with pytest.raises(HostProblem, match="is there and is no socket"), unix_socket.listening(path):
        pass
    assert path.read_text() == "mine"


def test_a_path_may_have_107_bytes(tmp_path: Path) -> None:
    longest = tmp_path / ("s" * (107 - len(os.fsencode(tmp_path)) - 1))
    with unix_socket.listening(longest) as listener:
        listener.listen()
        assert unix_socket.is_answered(longest)
    with (
        pytest.raises(InvalidInput, match=r"may have 107 bytes, and .* has 108"),
        unix_socket.listening(longest.with_name(f"{longest.name}s")),
    ):
        pass


def test_the_usual_place_is_private_and_can_be_turned_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert unix_socket.path_of(Settings()) == tmp_path / "modelyard/gateway.sock"
    assert unix_socket.path_of(Settings(socket="")) is None
    assert unix_socket.path_of(Settings(socket="/run/m.sock")) == Path("/run/m.sock")
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert user_folders.runtime().name == f"modelyard-{os.getuid()}"


def test_a_folder_that_others_may_enter_is_closed_to_them(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    assert stat.S_IMODE(user_folders.made_private(tmp_path / "open").stat().st_mode) == 0o700
    (tmp_path / "link").symlink_to(tmp_path / "open")
    with pytest.raises(HostProblem, match="is not a folder of this user"):
        user_folders.made_private(tmp_path / "link")


def test_a_second_gateway_goes_without_the_usual_socket_and_not_without_a_chosen_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    usual = tmp_path / "modelyard/gateway.sock"
    with _another(usual):
        with service._unix_socket(Settings()) as found:
            assert found == []
        with pytest.raises(SocketTaken), service._unix_socket(Settings(socket=str(usual))):
            pass
    with service._unix_socket(Settings()) as found:
        assert len(found) == 1

"""Which services run, however the others ended, and what the real Triton says is loaded."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from modelyard.entry import staging_root
from modelyard.errors import EngineUnavailable
from modelyard.running import Loaded, announce, find_running, loaded_models, unload
from tests.modelyard.conftest import Served

ROOT = Path(__file__).resolve().parents[2]
_SERVICE = """
import sys, time
from pathlib import Path
from modelyard.running import announce
with announce(Path(sys.argv[1]), url="http://127.0.0.1:1", tritons=["grpc://127.0.0.1:2"]):
    print("up", flush=True)
    time.sleep(1000)
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return tmp_path / "repository"


def notes(repository: Path) -> list[Path]:
    return list((staging_root(repository) / "services").iterdir())


def test_a_service_is_known_while_it_lives(repository: Path) -> None:
    assert find_running(repository) == []
    with announce(repository, url="http://127.0.0.1:11434", tritons=["grpc://127.0.0.1:8001"]):
        (service,) = find_running(repository)
        assert (service.pid, service.url, service.tritons) == (
            os.getpid(),
            "http://127.0.0.1:11434",
            ("grpc://127.0.0.1:8001",),
        )
        with announce(repository, url="http://127.0.0.1:11435", tritons=[]):
            assert len(find_running(repository)) == 2
        assert find_running(repository) == [service]
    assert notes(repository) == []


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_a_service_that_was_killed_is_not_believed(sent: signal.Signals, repository: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVICE, str(repository)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    assert [service.pid for service in find_running(repository)] == [process.pid]
    process.send_signal(sent)
    process.communicate()
    (note,) = notes(repository)
    # Even when its number is taken by another process, as it is by this one now.
    note.write_text(json.dumps(json.loads(note.read_text()) | {"pid": os.getpid()}))
    assert find_running(repository) == []
    assert notes(repository) == []


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"pid": "x", "url": 1, "tritons": 2, "started": 3}', "\xff"])
def test_a_note_that_cannot_be_read_is_passed_over(content: str, repository: Path) -> None:
    with announce(repository, url="", tritons=[]):
        (note,) = notes(repository)
        note.write_text(content, encoding="latin-1")
        assert find_running(repository) == []


def test_a_service_that_cannot_write_its_note_serves_all_the_same(repository: Path) -> None:
    staging_root(repository).parent.mkdir(exist_ok=True)
    staging_root(repository).write_text("in the way")
    with announce(repository, url="", tritons=[]):
        assert find_running(repository) == []


def test_an_error_of_the_service_is_its_own(repository: Path) -> None:
    with pytest.raises(PermissionError), announce(repository, url="", tritons=[]):
        raise PermissionError
    assert notes(repository) == []


def test_what_is_loaded_is_what_triton_says(served: Served) -> None:
    served.load("loaded")
    assert loaded_models(served.repository) == Loaded({})
    with served.announced():
        loaded = loaded_models(served.repository)
        assert loaded.has("loaded") is True
        assert loaded.models["loaded"] == (served.triton.url,)
        assert loaded.has("other") is False
        unload("loaded", [served.triton.url])
        assert loaded_models(served.repository).has("loaded") is False


def test_a_triton_that_does_not_answer_leaves_it_unknown(served: Served) -> None:
    served.load("known")
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # takes connections and never says a word
        url = f"grpc://127.0.0.1:{deaf.getsockname()[1]}"
        with served.announced(), announce(served.repository, url="", tritons=[url]):
            loaded = loaded_models(served.repository, timeout_s=0.5)
    assert loaded.silent == (url,)
    assert loaded.has("known") is True
    assert loaded.has("other") is None


def test_a_triton_that_is_gone_unloads_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"grpc://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(EngineUnavailable, match="does not unload 'm'"):
        unload("m", [url])

"""`--offline` opens no socket: not to convert what is cached, not to plan, and not to find that nothing is cached."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from converters.source import open_checkpoint
from modelyard.settings import Settings
from tests.converters.gguf_files import write_gguf
from tests.hub_server import HubServer
from tests.modelyard.cli.running import ROOT, clean_environment, refused

# The command line in a process where nobody can so much as make a socket, and who tries to is written down.
_NO_SOCKETS = """
import socket, sys, traceback
from pathlib import Path
tried = Path(sys.argv.pop(1))

def noted(*arguments, **options):
    with tried.open("a") as file:
        print(arguments, *traceback.format_stack(), file=file)
    raise OSError("no sockets in this test")

class Refused(socket.socket):
    __init__ = noted

socket.socket, socket.create_connection, socket.getaddrinfo = Refused, noted, noted
sys.argv[0] = "modelyard"
from modelyard.cli.main import run
run()
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with one model in it, whose hub is gone."""
    folder = tmp_path_factory.mktemp("offline")
    (folder / "model").mkdir()
    write_gguf(folder / "model" / "tiny.gguf")
    with HubServer() as hub:
        hub.add_model("acme/tiny", folder / "model")
        settings = Settings(_env_file=None, hub_endpoints=[hub.url], cache_dir=folder / "cache")
        open_checkpoint("acme/tiny", settings=settings)
    return folder / "cache"


def without_sockets(cache: Path, folder: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], str]:
    """What the command prints, and who tried to make a socket."""
    tried = folder / "tried"
    environment = {"MODELYARD_CACHE_DIR": str(cache), "MODELYARD_HUB_ENDPOINTS": "http://127.0.0.1:9"}
    shown = subprocess.run(
        [sys.executable, "-c", _NO_SOCKETS, str(tried), *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=clean_environment(folder / "repository", environment),
        timeout=240,
        check=False,
    )
    return shown, tried.read_text() if tried.exists() else ""


@pytest.mark.parametrize(
    ("command", "words"), [("pull", "tiny is ready: llama"), ("plan", "memory to serve")], ids=["pull", "plan"]
)
def test_what_is_cached_is_used(command: str, words: str, cache: Path, tmp_path: Path) -> None:
    shown, tried = without_sockets(cache, tmp_path, command, "acme/tiny", "--offline")
    assert tried == ""
    assert shown.returncode == 0, shown.stderr
    assert words in shown.stdout


@pytest.mark.parametrize("command", ["pull", "plan"])
def test_what_is_not_cached_is_said(command: str, cache: Path, tmp_path: Path) -> None:
    shown, tried = without_sockets(cache, tmp_path, command, "acme/absent", "--offline")
    assert tried == ""
    refused(shown, 3, "neither a folder here nor in the hub's cache", "offline mode is on")


def test_without_it_the_same_command_would(cache: Path, tmp_path: Path) -> None:
    _, tried = without_sockets(cache, tmp_path, "plan", "acme/tiny")
    assert "acme/tiny" in tried or "converters/hub" in tried

"""`--offline` reaches for no network: not to convert what is cached, to plan, or to find that nothing is cached."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from converters.source import open_checkpoint
from modelyard.settings import Settings
from tests.converters.checkpoints import write_checkpoint
from tests.converters.gguf_files import write_gguf
from tests.hub_server import HubServer
from tests.modelyard.cli.running import ROOT, clean_environment, refused

# Python reads it at its start, in the command and in every process that the command starts: nobody reaches anything by
# a socket, and who tries to is written down. llama.cpp is asked by a file's name; urllib3 tries whether IPv6 is there.
_NO_NETWORK = """
import os, socket, traceback

def noted(*arguments, **options):
    with open(os.environ["TRIED"], "a") as file:
        print(arguments, *traceback.format_stack(), file=file)
    raise OSError("no network in this test")

class Refused(socket.socket):
    def connect(self, address):
        return super().connect(address) if self.family == socket.AF_UNIX else noted(address)

    connect_ex = connect

    def sendto(self, *arguments):
        noted(*arguments)

socket.socket, socket.getaddrinfo = Refused, noted
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with two models in it, a GGUF file and a checkpoint to be exported, whose hub is gone."""
    folder = tmp_path_factory.mktemp("offline")
    (folder / "model").mkdir()
    write_gguf(folder / "model" / "tiny.gguf")
    write_checkpoint(folder / "checkpoint")
    with HubServer() as hub:
        hub.add_model("acme/tiny", folder / "model")
        hub.add_model("acme/small", folder / "checkpoint")
        settings = Settings(_env_file=None, hub_endpoints=[hub.url], cache_dir=folder / "cache")
        for name in ("acme/tiny", "acme/small"):
            open_checkpoint(name, settings=settings)
    return folder / "cache"


def without_network(cache: Path, folder: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], str]:
    """What the command prints, and who tried to reach something."""
    tried = folder / "tried"
    (folder / "sitecustomize.py").write_text(_NO_NETWORK)
    environment = {
        "MODELYARD_CACHE_DIR": str(cache),
        "MODELYARD_HUB_ENDPOINTS": "http://127.0.0.1:9",
        "PYTHONPATH": str(folder),
        "TRIED": str(tried),
    }
    shown = subprocess.run(
        [sys.executable, "-m", "modelyard", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=clean_environment(folder / "repository", environment),
        timeout=240,
        check=False,
    )
    return shown, tried.read_text() if tried.exists() else ""


@pytest.mark.parametrize(
    ("command", "model", "words"),
    [
        ("pull", "acme/tiny", "tiny is ready: llama"),
        ("pull", "acme/small", "small is ready: Qwen2ForCausalLM"),
        ("plan", "acme/tiny", "memory to serve"),
    ],
    ids=["pull", "pull and export", "plan"],
)
def test_what_is_cached_is_used(command: str, model: str, words: str, cache: Path, tmp_path: Path) -> None:
    shown, tried = without_network(cache, tmp_path, command, model, "--offline")
    assert tried == ""
    assert shown.returncode == 0, shown.stderr
    assert words in shown.stdout


@pytest.mark.parametrize("command", ["pull", "plan"])
def test_what_is_not_cached_is_said(command: str, cache: Path, tmp_path: Path) -> None:
    shown, tried = without_network(cache, tmp_path, command, "acme/absent", "--offline")
    assert tried == ""
    refused(shown, 3, "neither a folder here nor in the hub's cache", "offline mode is on")


def test_without_it_the_same_command_would(cache: Path, tmp_path: Path) -> None:
    _, tried = without_network(cache, tmp_path, "plan", "acme/tiny")
    assert "acme/tiny" in tried or "converters/hub" in tried

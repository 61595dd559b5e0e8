"""The command line as a user meets it: what is printed where, the exit code, and never a traceback."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args

import pytest

from converters.precision import PRECISIONS
from converters.targets import TargetWish
from modelyard.cli import conversion_options
from modelyard.entry import entries_in
from tests.converters.checkpoints import edit_json, write_checkpoint
from tests.modelyard.cli.running import ROOT, clean_environment, refused, run

# The command line in a process that writes down whom it calls: libraries catch what stops their telemetry.
_WATCHED = """
import socket, sys, traceback
from pathlib import Path
calls = Path(sys.argv.pop(1))
def noted(*arguments, **options):
    with calls.open("a") as file:
        print(arguments, *traceback.format_stack(), file=file)
    raise OSError("no network in this test")
socket.getaddrinfo = socket.socket.connect = noted
sys.argv[0] = "modelyard"
from modelyard.cli.main import run
run()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("checkpoints") / "tiny")


@pytest.fixture(scope="module")
def repository(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the tiny model in it, converted by the command line."""
    made = tmp_path_factory.mktemp("cli") / "repository"
    calls = made.parent / "calls"
    shown = subprocess.run(
        [sys.executable, "-c", _WATCHED, str(calls), "convert", str(folder)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=clean_environment(made, {}),
        timeout=120,
        check=False,
    )
    assert not calls.exists(), calls.read_text()
    assert shown.returncode == 0, shown.stderr
    assert "tiny is ready: Qwen2ForCausalLM, 128 k parameters" in shown.stdout
    assert "next-token agreement" in shown.stdout
    assert "int8: below 1 B parameters" in shown.stderr
    assert "measuring fidelity" in shown.stderr
    for noise in ("Warning", "it/s", "INFO", "Loading weights", "━"):
        assert noise not in shown.stdout + shown.stderr
    return made


def test_help_answers_at_once_and_loads_nothing_heavy() -> None:
    code = (
        "import sys\nsys.argv = ['modelyard', '--help']\nfrom modelyard.cli.main import run\n"
        "try: run()\nexcept SystemExit as end: code = end.code\n"
        "print(code, *[m for m in ('torch', 'fastapi', 'grpc', 'openvino', 'pydantic', 'numpy') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert shown.stdout.splitlines()[-1] == "0"
    assert "convert" in shown.stdout


def test_the_options_are_those_of_the_converters() -> None:
    assert get_args(conversion_options.Precision) == PRECISIONS
    assert get_args(conversion_options.TargetWish) == get_args(TargetWish)


def test_version() -> None:
    shown = run("--version")
    assert (shown.returncode, shown.stdout.split()[0]) == (0, "modelyard")


def test_a_command_that_does_not_exist() -> None:
    shown = run("conjure")
    assert shown.returncode == 2
    assert "conjure" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_the_same_again_is_answered_at_once(folder: Path, repository: Path) -> None:
    # Without the conversion environment, which takes seconds to wake up.
    shown = run("convert", str(folder), repository=repository, MODELYARD_CONVERT_PYTHON="/nowhere")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "tiny is converted already (int8, " in shown.stdout


def test_the_manifest_as_json(folder: Path, repository: Path) -> None:
    shown = run("convert", str(folder), "--json", repository=repository)
    manifest = json.loads(shown.stdout)
    assert (manifest["name"], manifest["precision"], manifest["source"]["location"]) == ("tiny", "int8", str(folder))


def test_another_source_or_setting_needs_force(folder: Path, repository: Path) -> None:
    shown = run("convert", str(folder), "--precision", "fp16", "--repository", str(repository))
    refused(shown, 2, "the model 'tiny' exists already", "--force")


def test_an_update_replaces_what_has_changed_and_nothing_else(folder: Path, repository: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(repository, tmp_path / "repository"))
    shown = run("convert", str(folder), "--update", repository=copy, MODELYARD_CONVERT_PYTHON="/nowhere")
    assert "tiny is converted already (int8, " in shown.stdout
    shown = run("convert", str(folder), "--update", "--precision", "fp16", repository=copy)
    assert "precision  fp16 for CPU" in shown.stdout


def test_what_is_installed(repository: Path) -> None:
    listed = run("models", repository=repository)
    assert listed.stdout.splitlines()[0].split()[:5] == ["NAME", "TASK", "TARGET", "PRECISION", "CONTEXT"]
    row = listed.stdout.splitlines()[1].split()
    assert row[:5] == ["tiny", "text-generation", "triton-openvino", "int8", "512"]
    (model,) = json.loads(run("models", "--json", repository=repository).stdout)
    assert (model["name"], model["manifest"]["architecture"]) == ("tiny", "Qwen2ForCausalLM")
    shown = run("show", "tiny", repository=repository)
    assert "KL divergence" in shown.stdout
    refused(run("show", "other", repository=repository), 2, "installed: tiny")


def test_a_model_that_is_removed(repository: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(repository, tmp_path / "repository"))
    assert run("rm", "tiny", repository=copy).stdout.startswith("removed tiny, ")
    assert entries_in(copy) == []
    refused(run("rm", "tiny", repository=copy), 2, "does not exist")


def test_what_is_wrong_with_a_checkpoint_is_said_in_a_line(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(run("convert", str(tmp_path / "empty"), repository=tmp_path / "r"), 2, "no config.json in")
    spoiled = Path(shutil.copytree(folder, tmp_path / "spoiled"))
    edit_json(spoiled / "config.json", architectures=["WibbleForCausalLM"], model_type="wibble")
    (spoiled / "model.safetensors").write_bytes(b"")
    shown = run("convert", str(spoiled), "--name", "../out", repository=tmp_path / "r")
    refused(shown, 2, "for 3 reasons", "../out", "WibbleForCausalLM", "model.safetensors")
    assert not (tmp_path / "r").exists()


def test_a_source_that_cannot_be_reached(tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    unreachable = run("convert", "a/b", repository=tmp_path / "r", HF_ENDPOINT="http://127.0.0.1:9", HF_HOME=cache)
    refused(unreachable, 3, "'a/b' is neither a folder here nor in the hub's cache, and the hub cannot be reached")
    offline = run("convert", "a/b", repository=tmp_path / "r", HF_HUB_OFFLINE="1", HF_HOME=cache)
    refused(offline, 3, "offline mode is on", "unset MODELYARD_OFFLINE and HF_HUB_OFFLINE")
    refused(
        run("convert", "/no/such/folder", repository=tmp_path / "r"), 3, "there is no folder or file /no/such/folder"
    )


def test_a_setting_that_is_wrong_is_named() -> None:
    refused(run("models", MODELYARD_PORT="many"), 2, "MODELYARD_PORT")


def test_without_pytorch_the_environment_that_has_it_is_asked_for(folder: Path, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom modelyard import environments\nenvironments.can_convert = lambda: False\n"
        f"sys.argv = ['modelyard', 'convert', {str(folder)!r}]\nfrom modelyard.cli.main import run\nrun()"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        env=clean_environment(tmp_path / "r", {"MODELYARD_CONVERT_PYTHON": str(tmp_path / "python")}),
    )
    refused(shown, 4, "the convert environment is missing", "make convert-env")


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_conversion_leaves_nothing(
    sent: signal.Signals, code: int, folder: Path, tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "modelyard", "convert", str(folder), "--name", "m"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=clean_environment(tmp_path / "repository", {}),
        # Whoever runs the tests in the background has Ctrl-C ignored, and a child would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "exporting" in line:
            break
    time.sleep(0.3)
    process.send_signal(sent)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in said
    assert ("error: interrupted" in said) == (sent == signal.SIGINT)
    assert entries_in(tmp_path / "repository") == []
    left = {path.name for path in (tmp_path / ".repository-staging").iterdir()}
    assert left - {"measurements.json", "measurements.guard"} == {"m.lock"}  # what was learnt of the host stays

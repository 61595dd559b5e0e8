"""`up`, `down`, `logs` and `doctor` as they are typed, on a host without an engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from modelyard.deployment.home import Home

ROOT = Path(__file__).resolve().parents[3]
NOWHERE = "unix:///nowhere/docker.sock"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home"


def yard(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MODELYARD_", "DEPLOY_"))}
    return subprocess.run(
        [sys.executable, "-m", "modelyard", *arguments, "--home", str(folder)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**kept, "DOCKER_HOST": NOWHERE, **more},
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("how", ["option", "variable"])
def test_a_dry_run_prints_every_step_and_touches_nothing(folder: Path, how: str) -> None:
    option, variable = (["--dry-run"], {}) if how == "option" else ([], {"DEPLOY_DRY_RUN": "1"})
    shown = yard(folder, "up", "--profile", "cpu", "--tritons", "2", *option, **variable)
    assert shown.returncode == 0, shown.stderr
    expected = [
        f"mkdir {folder}",
        f"32 random bytes into {folder}/secrets/api_key",
        "docker build --file deploy/docker/gateway/Dockerfile",
        "modelyard convert /source/checkpoint --name demo",
        f"write {folder}/compose.env",
        f"write {folder}/state.json",
        "compose.scale.yml",
        "up --detach",
        "up to its first token",
    ]
    places = [shown.stdout.find(words) for words in expected]
    assert -1 not in places, shown.stdout
    assert places == sorted(places)
    assert not folder.exists()


def test_without_an_engine_nothing_is_begun(folder: Path) -> None:
    shown = yard(folder, "up")
    assert shown.returncode == 4
    assert "Docker's engine cannot be reached at unix:///nowhere/docker.sock" in shown.stderr
    assert "modelyard doctor" in shown.stderr
    assert not folder.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--profile", "rocm"], "'rocm' is none of"),
        (["--build", "--pull"], "exclude each other"),
        (["--with", "grafana"], "'grafana' is none of"),
        (["--models", "missing.toml"], "missing.toml"),
        (["--gateways", "0"], "--gateways"),
    ],
)
def test_what_cannot_be_is_refused_with_2(folder: Path, arguments: list[str], words: str) -> None:
    shown = yard(folder, "up", *arguments)
    assert shown.returncode == 2
    assert words in shown.stderr
    assert not folder.exists()


@pytest.mark.parametrize("command", ["down", "logs"])
def test_where_nothing_was_deployed_it_is_said_so(folder: Path, command: str) -> None:
    shown = yard(folder, command)
    assert shown.returncode == 4
    assert f"nothing is deployed from {folder}" in shown.stderr


@pytest.fixture
def deployed(folder: Path) -> Path:
    """A home as `up` leaves it."""
    home = Home(folder)
    home.make()
    home.write_env({"MODELYARD_VERSION": "1.0"})
    state = {"files": ["compose.yml"], "project": "mine", "version": "1.0", "options": {"profile": "cpu"}}
    home.write_state(state)
    return folder


@pytest.mark.parametrize("how", ["option", "variable"])
@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["down"], ["-p mine", "down --remove-orphans"]),
        (["down", "--volumes"], ["down --remove-orphans", "docker volume rm"]),
        (["logs", "gateway", "--follow"], ["logs --tail 200 --follow gateway"]),
    ],
)
def test_a_dry_run_stops_nothing_and_asks_no_engine(
    deployed: Path, typed: list[str], words: list[str], how: str
) -> None:
    option, variable = (["--dry-run"], {}) if how == "option" else ([], {"DEPLOY_DRY_RUN": "1"})
    shown = yard(deployed, *typed, *option, **variable)
    assert shown.returncode == 0, shown.stderr
    assert "would do: " in shown.stdout
    assert "nothing was changed" in shown.stdout
    for each in words:
        assert each in shown.stdout


def test_doctor_tells_what_to_type(folder: Path) -> None:
    shown = yard(folder, "doctor")
    assert shown.returncode == 4
    assert "PROBLEM  docker:" in shown.stdout
    assert "install docker" in shown.stdout
    assert not folder.exists()


def test_doctor_for_programs(folder: Path) -> None:
    shown = yard(folder, "doctor", "--json", "--profile", "cpu")
    told = json.loads(shown.stdout)
    assert (told["ready"], told["profile"]) == (False, "cpu")
    found = next(finding for finding in told["findings"] if finding["name"] == "docker")
    assert found["level"] == "problem"
    assert set(found["mend"]) == {"debian", "rhel"}


def test_the_command_line_does_not_import_docker_to_show_its_help() -> None:
    code = "import sys, modelyard.cli.main; print('docker' in sys.modules, 'psutil' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert shown.stdout.split() == ["False", "False"]

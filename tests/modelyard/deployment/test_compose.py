"""Compose as a program: its command line, and the environment that it runs in."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelyard.deployment import compose
from modelyard.deployment.compose import Project, file_names, find_compose, project_of
from modelyard.deployment.errors import ComposeFailed, ComposeMissing, DeployFilesMissing, DeploymentMissing
from modelyard.deployment.home import Home


def program(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A search path with nothing in it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_the_plugin_goes_before_the_program_of_its_own(path: Path) -> None:
    alone = program(path, "docker-compose", "exit 0")
    docker = program(path, "docker", '[ "$1 $2" = "compose version" ]')
    assert find_compose() == (str(docker), "compose")
    program(path, "docker", "exit 1")
    assert find_compose() == (str(alone),)


def test_without_either_it_is_said_what_to_install(path: Path) -> None:
    with pytest.raises(ComposeMissing) as raised:
        find_compose()
    assert "apt-get install" in raised.value.hint


def project(home: Home, called: Path) -> Project:
    return Project((str(called),), Path("/deploy/compose"), ("compose.yml", "compose.cpu.yml"), home.env_file, "mine")


def test_every_file_of_the_deployment_is_named_and_the_project_too(home: Home, tmp_path: Path) -> None:
    assert project(home, tmp_path / "docker-compose").command("up", "--detach") == [
        str(tmp_path / "docker-compose"),
        *("-p", "mine", "-f", "/deploy/compose/compose.yml", "-f", "/deploy/compose/compose.cpu.yml"),
        *("--env-file", str(home.env_file), "up", "--detach"),
    ]


def test_nothing_of_the_shell_wins_over_the_file_of_variables(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MODELYARD_PORT", "COMPOSE_FILE", "COMPOSE_PROJECT_NAME"):
        monkeypatch.setenv(name, "stray")
    monkeypatch.setenv("DOCKER_HOST", "unix:///its/socket")
    printed = project(home, program(tmp_path / "bin", "compose", "env")).run("config")
    assert "stray" not in printed
    assert "DOCKER_HOST=unix:///its/socket" in printed


def test_the_last_words_of_compose_are_in_the_error(home: Home, tmp_path: Path) -> None:
    failing = program(tmp_path / "bin", "compose", "echo port is already allocated >&2; exit 3")
    with pytest.raises(ComposeFailed, match=r"(?s)compose up failed with status 3.*port is already allocated"):
        project(home, failing).run("up")


def test_hashes_are_read_whatever_compose_says_beside_them(home: Home, tmp_path: Path) -> None:
    telling = program(tmp_path / "bin", "compose", "echo gateway abc; echo triton def; echo")
    assert project(home, telling).hashes() == {"gateway": "abc", "triton": "def"}


def test_the_files_of_a_deployment() -> None:
    assert file_names("cpu") == ["compose.yml", "compose.cpu.yml"]
    assert file_names("cuda", extras=("monitoring",), scaled=True) == [
        "compose.yml",
        "compose.cuda.yml",
        "compose.scale.yml",
        "compose.monitoring.yml",
    ]


def test_every_file_that_can_be_joined_is_there() -> None:
    folder = compose.deploy_folder() / "compose"
    for profile in ("cpu", "intel-gpu", "intel-npu", "cuda"):
        for name in file_names(profile, extras=("monitoring", "webui"), scaled=True):
            assert (folder / name).is_file(), name


def test_a_folder_without_compose_files_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeployFilesMissing, match=str(tmp_path)):
        compose.deploy_folder(tmp_path)


def test_a_project_is_the_one_that_was_deployed(home: Home, path: Path, tmp_path: Path) -> None:
    with pytest.raises(DeploymentMissing):
        project_of(home, tmp_path)
    program(path, "docker-compose", "exit 0")
    home.make()
    home.write_state({"project": "mine", "files": ["compose.yml", "compose.cpu.yml"]})
    found = project_of(home, tmp_path)
    assert (found.name, found.files) == ("mine", ("compose.yml", "compose.cpu.yml"))

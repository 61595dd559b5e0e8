"""Compose, as a program: found under either of its names, called with this deployment's files and variables.

Knows command lines; does not know what is in the files. Images are never built by it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import modelyard
from modelyard.deployment import engine
from modelyard.deployment.errors import ComposeFailed, ComposeMissing, DeployFilesMissing, DeploymentMissing
from modelyard.deployment.home import Home

PROJECT = "modelyard"
_LAST_LINES = 12
# What the shell has would win over the env file, in both programs.
_OURS = ("MODELYARD_", "COMPOSE_")


def find_compose(*, dry_run: bool = False) -> tuple[str, ...]:
    """`docker compose` when the plugin is there, else `docker-compose`. Raises ComposeMissing.

    A dry run says what it would call, also where neither is installed.
    """
    if (docker := shutil.which("docker")) is not None:
        asked = subprocess.run([docker, "compose", "version"], capture_output=True, check=False)
        if asked.returncode == 0:
            return (docker, "compose")
    if (alone := shutil.which("docker-compose")) is not None:
        return (alone,)
    if dry_run:
        return ("docker", "compose")
    raise ComposeMissing


def deploy_folder(configured: Path | None = None) -> Path:
    """The folder `deploy` with the compose files: the setting's, else beside the package as in a checkout.

    Raises DeployFilesMissing.
    """
    folder = configured or Path(modelyard.__file__).resolve().parents[1] / "deploy"
    if not (folder / "compose/compose.yml").is_file():
        raise DeployFilesMissing(folder)
    return folder.absolute()


def file_names(profile: str, *, extras: Sequence[str] = (), scaled: bool = False) -> list[str]:
    """The compose files of a deployment, in the order in which the later ones add to the earlier."""
    return [
        "compose.yml",
        f"compose.{profile}.yml",
        *(["compose.scale.yml"] if scaled else []),
        *(f"compose.{extra}.yml" for extra in extras),
    ]


@dataclass(frozen=True)
class Project:
    """One compose project: `files` are names in `folder`, `env_file` has its variables."""

    program: tuple[str, ...]
    folder: Path
    files: tuple[str, ...]
    env_file: Path
    name: str = PROJECT

    def command(self, *arguments: str) -> list[str]:
        """The command line, as it may be typed too."""
        files = [part for file in self.files for part in ("-f", str(self.folder / file))]
        return [*self.program, "-p", self.name, *files, "--env-file", str(self.env_file), *arguments]

    def run(self, *arguments: str) -> str:
        """Run it and return what it printed. Raises ComposeFailed with its last lines."""
        done = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, errors="replace", check=False, env=environment()
        )
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().splitlines()[-_LAST_LINES:]
            raise ComposeFailed(arguments[0], done.returncode, "\n".join(said))
        return done.stdout

    def services(self) -> list[str]:
        """The names in the files, in alphabetical order."""
        return sorted(self.run("config", "--services").split())

    def hashes(self) -> dict[str, str]:
        """For each service a hash of its configuration, as compose puts it on the containers."""
        lines = (line.split() for line in self.run("config", "--hash", "*").splitlines())
        return {words[0]: words[1] for words in lines if len(words) == 2}

    def show(self, *arguments: str) -> int:
        """Run it on this terminal; the exit status."""
        return subprocess.run(self.command(*arguments), check=False, env=environment()).returncode


def environment(given: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for compose: this process's, without what would win over the env file.

    The engine is named, since docker-compose does not know the contexts of the `docker` program.
    """
    source = os.environ if given is None else given
    kept = {name: value for name, value in source.items() if not name.startswith(_OURS)}
    return {"DOCKER_HOST": engine.address(), **kept}


def project_of(home: Home, folder: Path, *, dry_run: bool = False) -> Project:
    """The project as its state says it was deployed last. Raises DeploymentMissing, ComposeMissing."""
    state = home.read_state()
    if not state.get("files"):
        raise DeploymentMissing(home.path)
    name = str(state.get("project") or PROJECT)
    return Project(find_compose(dry_run=dry_run), folder / "compose", tuple(state["files"]), home.env_file, name)

"""One service of compose files that runs for tests: started, asked, looked into, and taken away with all it had.

Knows Docker and Compose as programs; does not know what is right.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

import modelyard
from tests.deploy.compose.files import COMPOSE
from tests.deploy.images import containers
from tests.deploy.images.containers import docker

KEY = "a key that only tests know"
# Once the images are there; loading two models on a busy machine of two processors took 40 s.
_START_S = 180.0


def compose_program() -> list[str]:
    """`docker compose` where the engine's client has it, else docker-compose."""
    asked = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return ["docker", "compose"] if asked.returncode == 0 else ["docker-compose"]


@dataclass
class Stack:
    """A project of these compose files, with these variables."""

    files: Sequence[str]
    variables: Mapping[str, str]
    folder: Path
    name: str = field(default_factory=lambda: f"yardtest{uuid.uuid4().hex[:8]}")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.variables['MODELYARD_PORT']}"

    @property
    def client(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {KEY}"}, trust_env=False, timeout=60.0
        )

    def compose(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """What Compose says, whether it likes the arguments or not. It knows our variables and nobody else's."""
        listed = self.folder / "compose.env"
        listed.write_text("".join(f"{name}={value}\n" for name, value in self.variables.items()))
        chosen = [word for each in ("", *self.files) for word in ("-f", str(COMPOSE / _file(each)))]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MODELYARD_")}
        return subprocess.run(
            [*compose_program(), "--project-name", self.name, "--env-file", str(listed), *chosen, *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )

    def up(self, *arguments: str) -> None:
        done = self.compose("up", "--detach", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr

    def down(self) -> None:
        self.compose("kill")
        done = self.compose("down", "--volumes", "--remove-orphans")
        assert done.returncode == 0, done.stdout + done.stderr

    def containers(self, service: str, *, all_of_them: bool = False) -> list[str]:
        """Their names, as Compose numbers them."""
        labels = [f"com.docker.compose.project={self.name}", f"com.docker.compose.service={service}"]
        filters = [word for label in labels for word in ("--filter", f"label={label}")]
        return sorted(
            docker("ps", *(["--all"] if all_of_them else []), "--format", "{{.Names}}", *filters).splitlines()
        )

    def network(self, name: str) -> str:
        return f"{self.name}_{name}"

    def logs(self) -> str:
        return self.compose("logs", "--no-color", "--tail=60").stdout

    def is_ready(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return self.client.get("/health/ready").status_code == 200
        return False

    def wait_until_ready(self) -> None:
        wait_until(self.is_ready, self.logs)


def _file(name: str) -> str:
    return f"compose.{name}.yml" if name else "compose.yml"


def inspect_network(network: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = json.loads(docker("network", "inspect", network))
    return found[0]


def wait_until(reached: Callable[[], bool], explain: Callable[[], object]) -> None:
    containers.wait_until(reached, explain, _START_S)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def make_secrets(folder: Path) -> Path:
    """As `modelyard up` makes them: nobody else opens the folder, and in a container any user reads the file."""
    folder.mkdir(mode=0o700)
    for name in ("api_key", "grafana_password", "webui_secret_key"):
        (folder / name).write_text(KEY)
        (folder / name).chmod(0o444)
    return folder


def variables_to_run(models: Path, folder: Path) -> dict[str, str]:
    """What every service that is started is given: these models, secrets made in `folder`, a free port."""
    return {
        "MODELYARD_VERSION": modelyard.__version__,
        "MODELYARD_BALANCER_VERSION": modelyard.__version__,
        "MODELYARD_MODELS_DIR": str(models),
        "MODELYARD_SECRETS_DIR": str(make_secrets(folder / "secrets")),
        "MODELYARD_TRITON_MEMORY": "6g",
        "MODELYARD_PORT": str(free_port()),
    }


def make_readable(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


@contextlib.contextmanager
def running(stack: Stack, *services: str) -> Iterator[Stack]:
    try:
        stack.up(*services)
        stack.wait_until_ready()
        yield stack
    finally:
        stack.down()
        shutil.rmtree(stack.folder, ignore_errors=True)

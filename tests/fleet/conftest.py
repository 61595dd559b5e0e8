"""Four SSH hosts, our images as archives and the demo model, made once for the tests of this folder."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.engine import SWITCH, Engine, docker_engine
from tests.fleet import releases
from tests.fleet.control import ANSIBLE_PLAYBOOK, ROOT, Control
from tests.fleet.hosts import Fleet, fleet
from tests.system.service import MODELYARD, environment

_HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """As in tests/deploy: passed by unless `make test-fleet` has seen to a Docker engine."""
    return True if collection_path.parent == _HERE and os.environ.get(SWITCH) != "1" else None


@pytest.fixture(scope="session", autouse=True)
def engine() -> Iterator[Engine]:
    """The engine that DOCKER_HOST names, or one for this run of pytest alone."""
    with docker_engine() as found, pytest.MonkeyPatch.context() as patched:
        patched.setenv("DOCKER_HOST", found.host)
        yield found


@pytest.fixture(scope="session")
def archives(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return releases.make(tmp_path_factory.mktemp("releases"))


@pytest.fixture(scope="session")
def demo_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `modelyard export` makes of the demo model."""
    folder = tmp_path_factory.mktemp("model")
    own = environment(model_repository=folder / "model_repository")
    subprocess.run([MODELYARD, "convert", "demo/checkpoint", "--name", "demo"], env=own, cwd=ROOT, check=True)
    archive = folder / "demo.tar"
    subprocess.run([MODELYARD, "export", "demo", str(archive)], env=own, cwd=ROOT, check=True)
    return archive


@pytest.fixture(scope="session")
def machines(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    if not ANSIBLE_PLAYBOOK.exists():
        pytest.fail(f"these tests need {ANSIBLE_PLAYBOOK}: `make test-fleet` makes it")
    name = f"test-{os.getpid()}"
    with fleet(name, tmp_path_factory.mktemp("fleet"), ["balancer", "gateway", "model-1", "model-2"]) as made:
        yield made


@pytest.fixture(scope="session")
def control(
    machines: Fleet, archives: Path, demo_archive: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Control]:
    made = Control(
        fleet=machines,
        folder=tmp_path_factory.mktemp("control"),
        groups={
            "balancers": ["balancer"],
            "gateways": ["gateway"],
            "model_servers": ["model-1", "model-2"],
            "monitoring": ["balancer"],
            "retired": [],
        },
        variables={
            "modelyard_version": releases.FIRST,
            "modelyard_image_source": "archive",
            "modelyard_image_archive": str(archives),
            # A container cannot have more open files than the machine around it gives it.
            "load_balancer_max_connections": 2000,
            # The tests look at gateways and Tritons themselves, as a monitoring host of a fleet does.
            "base_firewall_extra_sources": [machines.gateway],
            "modelyard_backup": True,
            "modelyard_models": [{"name": name, "archive": str(demo_archive)} for name in ("demo", "second")],
        },
    )
    yield made
    print("\n" + "\n".join(made.timings))

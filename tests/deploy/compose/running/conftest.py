"""The service that these tests share: two gateways, one Triton with a parrot and the demo, the balancer, Prometheus."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import modelyard
from tests.deploy.building import built
from tests.deploy.compose.running.stack import Stack, free_port, make_readable, running, variables_to_run
from tests.deploy.engine import Engine
from tests.system.service import MODELYARD, ROOT, environment

TOOLS = Path(__file__).with_name("tools")


@pytest.fixture(scope="session")
def tools(engine: Engine) -> dict[str, str]:
    """Debian's Prometheus and node exporter: the official images cannot be had everywhere."""
    tags = {name: f"modelyard-test/{name}:debian" for name in ("prometheus", "node-exporter")}
    for name, tag in tags.items():
        subprocess.run(["docker", "build", "--quiet", "--target", name, "--tag", tag, str(TOOLS)], check=True)
    return tags


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compose") / "models"
    convert = [MODELYARD, "convert", "demo/checkpoint", "--name", "demo"]
    subprocess.run(convert, env=environment(model_repository=folder), cwd=ROOT, check=True)
    for name in ("parrot", "cockatoo"):
        shutil.copytree(ROOT / "tests/models/parrot", folder / name)
    make_readable(folder)
    return folder


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """What has to be given, for a service that is described and not started."""
    return {
        "MODELYARD_VERSION": modelyard.__version__,
        "MODELYARD_BALANCER_VERSION": modelyard.__version__,
        "MODELYARD_MODELS_DIR": "/srv/models",
        "MODELYARD_SECRETS_DIR": "/srv/secrets",
        "MODELYARD_TRITON_MEMORY": "4g",
        "MODELYARD_RENDER_GID": "993",
    }


@pytest.fixture(scope="session")
def stack(
    engine: Engine, tools: dict[str, str], models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    for key in ("balancer", "gateway", "triton-openvino"):
        built(key)
    folder = tmp_path_factory.mktemp("stack")
    made = Stack(
        files=("cpu", "scale", "monitoring"),
        variables={
            **variables_to_run(models, folder),
            "MODELYARD_MODELS": "demo,parrot",
            "MODELYARD_GATEWAYS": "2",
            "MODELYARD_PROMETHEUS_IMAGE": tools["prometheus"],
            "MODELYARD_PROMETHEUS_PORT": str(free_port()),
            "MODELYARD_NODE_EXPORTER_IMAGE": tools["node-exporter"],
        },
        folder=folder,
    )
    # All but Grafana, whose image no package of Debian stands in for.
    with running(made, "balancer", "gateway", "triton", "prometheus", "host-figures") as ready:
        yield ready

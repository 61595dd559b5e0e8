"""What Compose itself makes of the files, joined as they are meant to be."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from compose_spec import PyCompose

from tests.deploy.compose.running.stack import Stack

JOINED = (
    (),
    ("cpu",),
    ("intel-gpu",),
    ("intel-npu",),
    ("cuda",),
    ("cpu", "scale"),
    ("cpu", "monitoring"),
    ("cpu", "webui"),
    ("intel-gpu", "scale", "monitoring", "webui"),
    ("intel-npu", "scale", "monitoring", "webui"),
    ("cuda", "scale", "monitoring", "webui"),
)
REQUIRED = (
    "MODELYARD_VERSION",
    "MODELYARD_BALANCER_VERSION",
    "MODELYARD_MODELS_DIR",
    "MODELYARD_SECRETS_DIR",
    "MODELYARD_TRITON_MEMORY",
)


@pytest.mark.parametrize("files", JOINED, ids=" ".join)
def test_compose_takes_the_files(files: tuple[str, ...], variables: dict[str, str], tmp_path: Path) -> None:
    done = Stack(files, variables, tmp_path).compose("config")
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr.lower(), done.stderr
    described = PyCompose.from_yaml(done.stdout)
    described.validate()
    assert {"balancer", "gateway", "triton"} <= set(described.service_names())


@pytest.mark.parametrize("missing", REQUIRED)
def test_a_missing_variable_is_named(missing: str, variables: dict[str, str], tmp_path: Path) -> None:
    del variables[missing]
    done = Stack(("cpu",), variables, tmp_path).compose("config")
    assert done.returncode != 0
    assert f"{missing} is " in done.stderr


def test_the_group_is_asked_for_with_an_intel_device(variables: dict[str, str], tmp_path: Path) -> None:
    del variables["MODELYARD_RENDER_GID"]
    done = Stack(("intel-gpu",), variables, tmp_path).compose("config")
    assert done.returncode != 0
    assert "MODELYARD_RENDER_GID is " in done.stderr


def test_cuda_keeps_what_the_base_says(variables: dict[str, str], tmp_path: Path) -> None:
    done = Stack(("cuda",), variables, tmp_path).compose("config")
    triton = yaml.safe_load(done.stdout)["services"]["triton"]
    assert triton["image"].startswith("modelyard/triton-cuda:")
    assert triton["read_only"] is True
    assert set(triton["ulimits"]) == {"memlock", "nofile", "stack"}
    assert list(triton["networks"]) == ["engine"]

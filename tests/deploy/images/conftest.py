"""The images under test, each built when the first test asks for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from modelyard.deployment.images import IMAGES, build_command
from tests.deploy import building
from tests.deploy.building import ROOT, built
from tests.deploy.engine import Engine

CUDA = "triton-cuda"


@pytest.fixture(scope="session")
def image(engine: Engine) -> Callable[[str], str]:
    """The tag of an image by its key in IMAGES."""

    def tag(key: str) -> str:
        return cuda(built("converter"), built("triton-openvino")) if key == CUDA else built(key)

    return tag


def cuda(converter: str, triton: str) -> str:
    """Our CUDA image on a base that only looks like NVIDIA's."""
    base = "modelyard-test/cuda-base:latest"
    folder = str(ROOT / "tests/deploy/images/cuda_base")
    given = ["--build-arg", f"CONVERTER={converter}", "--build-arg", f"TRITON={triton}"]
    building.run(["docker", "build", "--tag", base, *given, folder])
    image = IMAGES[CUDA]
    building.run(
        build_command(
            image,
            prefix="modelyard-test",
            revision=building.commit(),
            source=building.SOURCE,
            arguments={"TRITON_IMAGE": base},
        )
    )
    return image.tag(prefix="modelyard-test")


@pytest.fixture(params=list(IMAGES), scope="session")
def every(request: pytest.FixtureRequest, image: Callable[[str], str]) -> tuple[str, str]:
    """Key and tag of each image in turn."""
    return request.param, image(request.param)

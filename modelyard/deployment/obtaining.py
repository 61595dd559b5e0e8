"""The images of a deployment: used as they are here, built in a checkout, or pulled.

Knows which images a profile needs and how each comes here; how one is built is the table's of `images`.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from modelyard.deployment.compose import environment
from modelyard.deployment.errors import ImageMissing, NpuDriverMissing
from modelyard.deployment.images import IMAGES, Image, build_command, passing_on
from modelyard.deployment.profile import Profile
from modelyard.deployment.steps import Step

if TYPE_CHECKING:
    from docker import DockerClient

Manner = Literal["auto", "build", "pull"]
_LAST_LINES = 20
# The image of Triton by profile, by its key in the table of images.
_TRITON: dict[Profile, str] = {
    "cpu": "triton-openvino",
    "intel-gpu": "triton-openvino-intel",
    "intel-npu": "triton-openvino-intel",
    "cuda": "triton-cuda",
}
CONVERTER = "converter"


def images_of(profile: Profile, *, converter: bool) -> list[Image]:
    """What a deployment needs; the converter only when a model is to be made."""
    others = [IMAGES[CONVERTER]] if converter else []
    return [IMAGES["balancer"], IMAGES["gateway"], image_of_triton(profile), *others]


def image_of_triton(profile: Profile) -> Image:
    return IMAGES[_TRITON[profile]]


@dataclass(frozen=True)
class Source:
    """Where images come from: `folder` is `deploy`, whose sources lie beside it in a checkout.

    `npu` says that the image for Intel's devices has to bring the driver of the NPU, and not only of GPUs.
    """

    client: Callable[[], DockerClient]
    folder: Path
    prefix: str
    version: str
    manner: Manner = "auto"
    npu: bool = False

    def reference(self, image: Image) -> str:
        return image.tag(self.version, self.prefix)

    def is_settled(self, image: Image) -> bool:
        """Whether the one that is here will do."""
        return self.manner == "auto" and is_here(self.client(), self.reference(image))


def steps(images: Sequence[Image], source: Source) -> list[Step]:
    """A step for each image."""
    builds = source.manner == "build" or (source.manner == "auto" and can_build(source.folder))
    return [_build(image, source) if builds else _pull(image, source) for image in images]


def can_build(folder: Path) -> bool:
    """Whether it is a checkout and not only the deployment files, as a bundle has them."""
    return (folder / "docker/gateway/Dockerfile").is_file() and (folder.parent / "pyproject.toml").is_file()


def is_here(client: DockerClient, reference: str) -> bool:
    from docker.errors import ImageNotFound

    try:
        client.images.get(reference)
    except ImageNotFound:
        return False
    return True


def lacks_npu_driver(given: Mapping[str, str] = os.environ) -> bool:
    """Whether an image built now could not use an NPU; a base of one's own may have the driver already."""
    return not given.get("DRIVER_URLS") and not given.get("PYTHON_IMAGE")


def build_words(image: Image, source: Source, given: Mapping[str, str] = os.environ) -> list[str]:
    """The command that builds it in the root of the sources, with the mirrors and proxies of the environment."""
    return passing_on(build_command(image, source.version, prefix=source.prefix), given)


def _build(image: Image, source: Source) -> Step:
    command = build_words(image, source)

    def run() -> None:
        if source.npu and image.key == _TRITON["intel-npu"] and lacks_npu_driver():
            raise NpuDriverMissing(source.reference(image))
        root = source.folder.parent
        done = subprocess.run(
            command, cwd=root, capture_output=True, text=True, errors="replace", check=False, env=environment()
        )
        if done.returncode != 0:
            said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-_LAST_LINES:])
            reference = source.reference(image)
            raise ImageMissing(reference, f"its build failed:\n{said}", hint=f"in {root}: {shlex.join(command)}")

    return Step(
        title=f"building {source.reference(image)}",
        words=shlex.join(command),
        run=run,
        is_done=lambda: source.is_settled(image),
    )


def _pull(image: Image, source: Source) -> Step:
    reference = source.reference(image)

    def run() -> None:
        from docker.errors import DockerException

        try:
            source.client().images.pull(reference)
        except DockerException as error:
            raise ImageMissing(reference, f"it cannot be pulled: {error}") from error

    return Step(
        title=f"pulling {reference}",
        words=f"docker pull {reference}",
        run=run,
        is_done=lambda: source.is_settled(image),
    )

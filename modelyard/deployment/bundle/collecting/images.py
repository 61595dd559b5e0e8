"""Container images out of the engine of this host, as `docker save` gives them.

Knows references and Docker's SDK; fetches nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelyard.deployment.bundle.layout import BundledImage, image_file
from modelyard.deployment.errors import ImageMissing
from modelyard.errors import InvalidInput

if TYPE_CHECKING:
    from docker import DockerClient

DEFAULT = ("gateway", "triton-openvino", "balancer")
_PIECE = 2**20  # bytes


@dataclass(frozen=True)
class FoundImage:
    bundled: BundledImage
    platform: str  # linux/amd64
    size: int  # bytes, about what `docker save` will give


def full_reference(name: str, prefix: str, version: str) -> str:
    """`gateway` is Modelyard's own, `triton-openvino:-intel` a variant of it; a name with a folder or tag stays."""
    if "/" in name or (":" in name and ":-" not in name):
        return name
    image, _, variant = name.partition(":")
    return f"{prefix}/{image}:{version}{variant}"


def find_images(client: DockerClient, names: Sequence[str], *, prefix: str, version: str) -> list[FoundImage]:
    """Look the images up. Raises ImageMissing, and InvalidInput when two would get one file name."""
    from docker.errors import ImageNotFound

    found = []
    for reference in dict.fromkeys(full_reference(name, prefix, version) for name in names):
        try:
            image = client.images.get(reference)
        except ImageNotFound as error:
            raise ImageMissing(reference, "a bundle takes what the engine of this host has") from error
        about = image.attrs
        found.append(
            FoundImage(
                BundledImage(reference, image_file(reference, prefix), str(image.id)),
                f"{about['Os']}/{about['Architecture']}",
                int(about["Size"]),
            )
        )
    if len({image.bundled.file for image in found}) < len(found):
        raise InvalidInput("two of the images would have the same file name in the bundle", field="--image")
    return found


def saved(client: DockerClient, image: BundledImage) -> Iterator[bytes]:
    """The image's archive with its reference in it, as it comes from the engine."""
    yield from client.images.get(image.reference).save(chunk_size=_PIECE, named=image.reference)

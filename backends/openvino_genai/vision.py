"""Images of a request, for models that see: from base64 to the bytes that the engine takes.

Knows Pillow's pictures and how an entry of such a model looks; does not know the engine.
"""

from __future__ import annotations

import base64
import binascii
import importlib
from pathlib import Path
from typing import NamedTuple

from ..common.failures import Refused
from ..common.language.infer_request import ImageReader
from ..common.settings import BadSetting
from .settings import BackendSettings


class Picture(NamedTuple):
    """Red, green and blue bytes, row by row."""

    height: int
    width: int
    rgb: bytes


def sees(version_folder: Path) -> bool:
    """Whether the entry's model takes images; its language model is then a part of its own."""
    return (version_folder / "openvino_language_model.xml").is_file()


def image_reader(settings: BackendSettings) -> ImageReader:
    """What reads the images of a request, in the order of their places in the prompt. Raises BadSetting."""
    try:
        # Imported here, so that models of text need no Pillow.
        pictures = importlib.import_module("..common.images.pictures", __package__)
    except ImportError as error:
        raise BadSetting(f"a model that sees needs the package pillow in the engine's environment: {error}") from None

    def read(given: list[bytes]) -> tuple[Picture, ...]:
        if len(given) > settings.max_images:
            raise Refused(f"'image' has {len(given)} images; this model takes {settings.max_images} (MAX_IMAGES)")
        return tuple(one(text, index) for index, text in enumerate(given))

    def one(text: bytes, index: int) -> Picture:
        try:
            file = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Refused(f"'image[{index}]' is not base64: {error}") from None
        picture = pictures.open_picture(file, f"image[{index}]", max_pixels=settings.max_image_pixels)
        coloured = pictures.in_colour(picture, picture.size)
        return Picture(coloured.height, coloured.width, coloured.tobytes())

    return read

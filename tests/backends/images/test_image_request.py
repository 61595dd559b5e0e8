"""A request for images is read, or refused with a sentence: nothing else comes out of it."""

from __future__ import annotations

import io
import json
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from backends.common.failures import Refused
from backends.common.images.image_request import Abilities, ImageRequest, read_request
from backends.common.images.pictures import as_mask, in_colour, open_picture
from backends.common.images.settings import ImageSettings, read_image_settings
from backends.common.settings import BadSetting, Parameters
from tests.backends.images.conftest import mask_file, picture_file

ALL = Abilities(frozenset({"text-to-image", "image-to-image", "inpainting"}), frozenset({"swirl"}))
SETTINGS = ImageSettings(width=64, height=64, max_pixels=2**16, max_input_pixels=2**18)
NAMES = [
    "negative_prompt",
    "width",
    "height",
    "num_inference_steps",
    "guidance_scale",
    "num_images_per_prompt",
    "seed",
    "strength",
    "lora",
    "other",
]


def read(settings: ImageSettings = SETTINGS, abilities: Abilities = ALL, **tensors: Any) -> ImageRequest:
    given = {"prompt": "a boat", **tensors}
    arrays = {
        name: np.array([value if isinstance(value, bytes) else str(value).encode()], dtype=np.object_)
        for name, value in given.items()
    }
    return read_request(arrays.get, settings, abilities)


def test_defaults_are_those_of_the_entry() -> None:
    request = read(ImageSettings(steps=4, guidance=0.0, width=128, height=64))
    assert (request.steps, request.guidance, request.width, request.height) == (4, 0.0, 128, 64)
    assert (request.mode, request.images, request.seed, request.lora) == ("text-to-image", 1, None, {})


def test_null_counts_as_not_sent() -> None:
    assert read(parameters=json.dumps(dict.fromkeys(NAMES[:-1]))) == read()


@given(
    st.dictionaries(
        st.sampled_from(NAMES),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dictionaries(st.text(), st.floats()),
    ),
    st.sampled_from([None, picture_file(), picture_file()[:50], b""]),
    st.sampled_from([None, mask_file((0, 0, 8, 8)), b"x"]),
)
def test_whatever_is_sent_is_read_or_refused(
    parameters: dict[str, Any], image: bytes | None, mask: bytes | None
) -> None:
    pictures = {name: file for name, file in (("image", image), ("mask", mask)) if file is not None}
    try:
        request = read(parameters=json.dumps(parameters), **pictures)
    except Refused:
        return
    assert request.width % 8 == request.height % 8 == 0
    assert 0 < request.width * request.height <= SETTINGS.max_pixels
    assert 1 <= request.steps <= 150
    assert 1 <= request.images <= 10
    assert 0 <= request.guidance <= 100
    assert 0 < request.strength <= 1
    assert request.image is None or request.image.size == (request.width, request.height)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_picture_or_refused(file: bytes) -> None:
    for start in (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"RIFF\x00\x01\x00\x00WEBPVP8 "):
        with pytest.raises(Refused, match="'image'"):
            open_picture(start + file, "image", max_pixels=2**20)


def test_a_bomb_is_refused_before_it_unfolds() -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    with pytest.raises(Refused, match="pixels"):
        open_picture(bomb, "image", max_pixels=2**25)


def test_a_picture_of_a_camera_is_turned_upright() -> None:
    picture = Image.new("RGB", (40, 20), "teal")
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", exif=exif)
    assert open_picture(buffer.getvalue(), "image", max_pixels=2**20).size == (20, 40)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "1", "CMYK", "I;16"])
def test_every_kind_of_picture_becomes_red_green_and_blue(mode: str) -> None:
    picture = in_colour(Image.new(mode, (8, 8)), (16, 8))
    assert (picture.mode, picture.size) == ("RGB", (16, 8))


def test_what_was_transparent_becomes_white() -> None:
    assert in_colour(Image.new("RGBA", (8, 8), (10, 20, 30, 0)), (8, 8)).getpixel((4, 4)) == (255, 255, 255)


def test_a_mask_is_black_and_white_by_luminance() -> None:
    grey = Image.new("RGB", (2, 1), (200, 200, 200))
    grey.putpixel((1, 0), (40, 40, 40))
    mask = as_mask(grey, (2, 1))
    assert [mask.getpixel((x, 0)) for x in (0, 1)] == [255, 0]


def test_a_shape_is_kept_within_the_pixels_of_the_model() -> None:
    request = read(image=picture_file(size=(400, 100)))
    assert (request.width, request.height) == (128, 32)


def test_a_very_long_picture_is_refused_with_the_bound() -> None:
    with pytest.raises(Refused, match="MAX_PIXELS"):
        read(ImageSettings(width=64, height=64, max_pixels=4096), image=picture_file(size=(4000, 2)))


def test_a_transformer_s_multiple_is_checked() -> None:
    with pytest.raises(Refused, match="'width' must be a multiple of 16"):
        read(ImageSettings(multiple=16), parameters='{"width": 72}')


@pytest.mark.parametrize(
    ("name", "value"),
    [("DEFAULT_STEPS", "0"), ("DEFAULT_GUIDANCE", "nan"), ("DEFAULT_WIDTH", "100"), ("NEGATIVE_PROMPT", "perhaps")],
)
def test_a_setting_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=name):
        read_image_settings(Parameters({name: value}))

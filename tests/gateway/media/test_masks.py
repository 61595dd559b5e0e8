"""Transparency becomes a mask, and pictures change their format."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from gateway.media import masks
from modelyard.errors import InvalidInput


def _file(picture: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    return buffer.getvalue()


def _pixels(data: bytes | None) -> list[int]:
    assert data is not None
    return list(Image.open(io.BytesIO(data)).convert("L").tobytes())


PLAIN = _file(Image.new("RGB", (2, 1), "teal"))


def _with_alpha(*alphas: int) -> bytes:
    picture = Image.new("RGBA", (len(alphas), 1))
    picture.putdata([(0, 0, 0, alpha) for alpha in alphas])
    return _file(picture)


def test_what_is_transparent_is_filled_in() -> None:
    assert _pixels(masks.checked(PLAIN, _with_alpha(0, 255))[1]) == [255, 0]
    assert _pixels(masks.checked(PLAIN, _with_alpha(255, 255))[1]) == [0, 0]


def test_a_mask_without_transparency_is_taken_as_it_stands() -> None:
    mask = Image.new("L", (2, 1))
    mask.putdata([255, 0])
    assert masks.checked(PLAIN, _file(mask))[1] == _file(mask)


def test_holes_of_the_image_are_a_mask_where_there_are_any() -> None:
    assert _pixels(masks.checked(_with_alpha(255, 0), None)[1]) == [0, 255]
    assert masks.checked(_with_alpha(255, 200), None)[1] is None
    assert masks.checked(PLAIN, None) == (PLAIN, None)


@pytest.mark.parametrize(
    ("image", "mask", "field"),
    [
        (b"", None, "image"),
        (PLAIN[:30], None, "image"),
        (_file(Image.new("P", (2, 1)), "GIF"), None, "image"),
        (PLAIN, _with_alpha(0, 0, 0), "mask"),
        (PLAIN, b"x", "mask"),
    ],
)
def test_what_is_no_picture_is_named(image: bytes, mask: bytes | None, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        masks.checked(image, mask)
    assert caught.value.field == field


def test_too_many_pixels_are_refused_by_the_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masks, "MAX_PIXELS", 1)
    with pytest.raises(InvalidInput, match="more than 1 pixels"):
        masks.checked(PLAIN, None)


@pytest.mark.parametrize(("form", "kind"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
def test_formats(form: Any, kind: str) -> None:
    assert Image.open(io.BytesIO(masks.converted(PLAIN, form, 80))).format == kind

"""Pictures as OpenAI's clients send and want them: masks by transparency, and other formats than PNG.

Knows pixels; does not know HTTP. Its functions compute: call them in a thread.
"""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from PIL import Image, UnidentifiedImageError

from modelyard.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

PictureFormat = Literal["png", "jpeg", "webp"]

_TAKEN = ("PNG", "JPEG", "WEBP")
MAX_PIXELS = 33_554_432  # as MAX_INPUT_PIXELS of the backends
_HALF = 128  # alpha below it is a hole


def checked(image: bytes, mask: bytes | None) -> tuple[bytes, bytes | None]:
    """An image and its mask, white where the image is filled in and black elsewhere.

    A transparent part of the mask marks what is filled in; a mask without transparency is taken as it stands. Without
    a mask the holes of the image are one. Raises InvalidInput with the field.
    """
    with _opened(image, "image") as picture:
        size = picture.size
        holes = _holes(picture)
    if mask is None:
        return image, holes
    with _opened(mask, "mask") as marked:
        if marked.size != size:
            raise InvalidInput(
                f"'mask' has {marked.width}x{marked.height} pixels, and the image has {size[0]}x{size[1]}",
                field="mask",
                hint="send a mask of the size of the image",
            )
        return image, _holes(marked, always=True) or mask


def converted(png: bytes, form: PictureFormat, quality: int) -> bytes:
    """A PNG in another format; `quality` is 0 to 100."""
    if form == "png":
        return png
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png), formats=("PNG",)) as picture:
        picture.convert("RGB").save(buffer, form, quality=quality)
    return buffer.getvalue()


@contextmanager
def _opened(data: bytes, field: str) -> Iterator[Image.Image]:
    """The picture, all of it read. Raises InvalidInput for what is none, is damaged or has too many pixels."""
    try:
        with Image.open(io.BytesIO(data), formats=_TAKEN) as picture:
            # Known from the header, before anything is unfolded.
            if picture.width * picture.height > MAX_PIXELS:
                raise InvalidInput(f"'{field}' has more than {MAX_PIXELS} pixels", field=field)
            picture.load()
            yield picture
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InvalidInput(
            f"'{field}' cannot be read as a picture", field=field, hint="send a PNG, JPEG or WebP file"
        ) from error


def _holes(picture: Image.Image, *, always: bool = False) -> bytes | None:
    """A mask that is white where the picture is transparent.

    None for a picture without transparency; and, but for `always`, for one that has no hole.
    """
    if not picture.has_transparency_data:
        return None
    alpha = picture.convert("RGBA").getchannel("A")
    if not always and alpha.getextrema()[0] >= _HALF:
        return None
    buffer = io.BytesIO()
    alpha.point([255 if level < _HALF else 0 for level in range(256)]).save(buffer, "PNG")
    return buffer.getvalue()

"""Image files to pictures of a size and back, with bounds on what a file may unfold to.

Knows Pillow; does not know what a picture is for.
"""

from __future__ import annotations

import io
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

from ..failures import Refused

_FORMATS = ("PNG", "JPEG", "WEBP")
_COMPRESSION = 4  # of 9: level 6 takes twice the time for 3 % fewer bytes


def open_picture(file: bytes, name: str, *, max_pixels: int) -> Image.Image:
    """The picture in a file, upright. Raises Refused; nothing is unfolded before its size is known to be allowed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the bound below is the one that counts
            picture = Image.open(io.BytesIO(file), formats=_FORMATS)
            width, height = picture.size
            if width * height > max_pixels:
                raise Refused(f"'{name}' has {width} x {height} pixels; at most {max_pixels} in all are taken")
            picture.load()
            return ImageOps.exif_transpose(picture)
    except UnidentifiedImageError:
        raise Refused(f"'{name}' is not a PNG, JPEG or WebP file") from None
    except Image.DecompressionBombError:
        raise Refused(f"'{name}' has more pixels than the {max_pixels} that are taken") from None
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError) as error:  # what its decoders raise
        raise Refused(f"'{name}' cannot be read: {error}") from None


def in_colour(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Red, green and blue in a size (width, height); what was transparent becomes white."""
    if picture.has_transparency_data:
        see_through = picture.convert("RGBA")
        paper = Image.new("RGBA", see_through.size, "white")
        picture = Image.alpha_composite(paper, see_through)
    return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def as_mask(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Black and white in a size, by luminance: white is filled in."""
    grey = picture.convert("L").resize(size, Image.Resampling.BILINEAR)
    return grey.point([0] * 128 + [255] * 128)


def to_png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=_COMPRESSION)
    return buffer.getvalue()

"""Bodies of /v1/images to our request, and pictures to answers and events. Pure."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from typing import Any, Literal

from gateway.dialects.openai.images.schemas import (
    Changed,
    Drawn,
    ImageEditRequest,
    ImageGenerationRequest,
    ImageVariationRequest,
)
from gateway.domain.drawing import DrawRequest
from gateway.media.masks import PictureFormat

# Our names of fields, and the client's where they differ.
FIELDS = {"width": "size", "height": "size", "adapters": "lora"}

# The type of an event says that there is a usage; no engine counts tokens of pictures.
_NO_TOKENS = {
    "input_tokens": 0,
    "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
    "output_tokens": 0,
    "total_tokens": 0,
}


def to_draw(
    wire: ImageGenerationRequest | ImageEditRequest | ImageVariationRequest,
    model: str,
    *,
    image: bytes | None = None,
    mask: bytes | None = None,
) -> DrawRequest:
    width, height = _size(wire.size)
    return DrawRequest(
        model=model,
        prompt=wire.prompt or "",
        negative_prompt=wire.negative_prompt,
        image=image,
        mask=mask,
        n=wire.n,
        width=width,
        height=height,
        steps=wire.steps,
        guidance_scale=wire.guidance_scale,
        strength=wire.strength if isinstance(wire, Changed) else None,
        seed=wire.seed,
        adapters=wire.lora or {},
    )


def picture_format(wire: Drawn) -> tuple[PictureFormat, int]:
    """The format and its quality."""
    return wire.output_format or "png", 100 if wire.output_compression is None else wire.output_compression


def from_files(
    files: Sequence[bytes], wire: Drawn, *, created: int, size: str, urls: Sequence[str] | None
) -> dict[str, Any]:
    """The whole answer; with `urls` the pictures are behind these."""
    data = [{"url": url} for url in urls] if urls is not None else [{"b64_json": _coded(file)} for file in files]
    return {
        "created": created,
        "background": "opaque",
        "data": data,
        "output_format": picture_format(wire)[0],
        "size": size,
    }


def completed(
    file: bytes, wire: Drawn, *, created: int, size: str, kind: Literal["image_generation", "image_edit"]
) -> dict[str, Any]:
    """The event of a picture that is done."""
    return {
        "type": f"{kind}.completed",
        "b64_json": _coded(file),
        "created_at": created,
        "size": size,
        "quality": "auto",
        "background": "opaque",
        "output_format": picture_format(wire)[0],
        "usage": _NO_TOKENS,
    }


def size_of(png: bytes) -> str:
    """WIDTHxHEIGHT, as the first chunk of a PNG says."""
    width, height = struct.unpack_from(">II", png, 16)
    return f"{width}x{height}"


def _size(size: str | None) -> tuple[int | None, int | None]:
    if size is None or size == "auto":
        return None, None
    width, _, height = size.partition("x")
    return int(width), int(height)


def _coded(file: bytes) -> str:
    return base64.b64encode(file).decode()

"""One request for images, read and checked: its tensors, its parameters, its pictures.

Knows the tensor contract of image models; does not know an engine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from PIL.Image import Image

from ..failures import Refused
from ..inputs import Tensor, blob, json_object, text
from .pictures import as_mask, in_colour, open_picture
from .settings import ImageSettings

INPUTS: tuple[dict[str, Any], ...] = (
    {"name": "prompt", "data_type": "TYPE_STRING", "dims": [1]},
    {"name": "image", "data_type": "TYPE_STRING", "dims": [1], "optional": True},
    {"name": "mask", "data_type": "TYPE_STRING", "dims": [1], "optional": True},
    {"name": "parameters", "data_type": "TYPE_STRING", "dims": [1], "optional": True},
)

Mode = Literal["text-to-image", "image-to-image", "inpainting"]
_NEEDS: dict[Mode, str] = {
    "text-to-image": "a prompt alone",
    "image-to-image": "'image'",
    "inpainting": "'image' and 'mask'",
}
_STRENGTHS: dict[Mode, float] = {"text-to-image": 1.0, "image-to-image": 0.8, "inpainting": 1.0}
_KNOWN = (
    "negative_prompt",
    "width",
    "height",
    "num_inference_steps",
    "guidance_scale",
    "num_images_per_prompt",
    "seed",
    "strength",
    "lora",
)
_MAX_STEPS, _MAX_IMAGES, _MAX_GUIDANCE, _MAX_LORA = 150, 10, 100.0, 10.0
_MAX_SEED = 2**32  # what every engine's generator takes; seeds of several images are counted on from the first


@dataclass(frozen=True)
class Abilities:
    """What a loaded pipeline can do, and the LoRA adapters it has, by name."""

    modes: frozenset[Mode]
    adapters: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ImageRequest:
    """What a caller wants. Pictures have the size already; `seed` is None where any will do."""

    prompt: str
    width: int
    height: int
    steps: int
    guidance: float
    mode: Mode = "text-to-image"
    negative_prompt: str | None = None
    images: int = 1
    seed: int | None = None
    strength: float = 1.0
    lora: Mapping[str, float] = field(default_factory=dict)
    image: Image | None = None
    mask: Image | None = None


def read_request(tensor: Tensor, settings: ImageSettings, abilities: Abilities) -> ImageRequest:
    """The request. Raises Refused."""
    prompt = text(tensor, "prompt")
    if prompt is None:
        raise Refused("'prompt' is missing")
    wanted = _Wanted(json_object(tensor, "parameters"))
    image, mask = blob(tensor, "image"), blob(tensor, "mask")
    mode = _mode(image, mask, abilities)
    picture = open_picture(image, "image", max_pixels=settings.max_input_pixels) if image is not None else None
    width, height = _size(wanted, settings, picture)
    steps = wanted.whole("num_inference_steps", settings.steps, 1, _MAX_STEPS)
    guidance = wanted.number("guidance_scale", settings.guidance, 0.0, _MAX_GUIDANCE)
    return ImageRequest(
        prompt=prompt,
        width=width,
        height=height,
        steps=steps,
        guidance=guidance,
        mode=mode,
        negative_prompt=_negative_prompt(wanted, settings, guidance),
        images=wanted.whole("num_images_per_prompt", 1, 1, _MAX_IMAGES),
        seed=wanted.whole("seed", 0, 0, _MAX_SEED - 1) if wanted.has("seed") else None,
        strength=_strength(wanted, mode, steps),
        lora=_lora(wanted, abilities),
        image=in_colour(picture, (width, height)) if picture is not None else None,
        mask=as_mask(open_picture(mask, "mask", max_pixels=settings.max_input_pixels), (width, height))
        if mask is not None
        else None,
    )


class _Wanted:
    """The JSON parameters; what is null counts as not sent."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        if unknown := sorted(given.keys() - set(_KNOWN)):
            raise Refused(f"'{unknown[0]}' is not a parameter that this backend knows: {', '.join(_KNOWN)}")
        self._given = {name: value for name, value in given.items() if value is not None}

    def has(self, name: str) -> bool:
        return name in self._given

    def get(self, name: str) -> Any:
        return self._given.get(name)

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        value = self._given.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise Refused(f"'{name}' must be a whole number from {least} to {most}")
        return value

    def number(self, name: str, default: float, least: float, most: float) -> float:
        return number(name, self._given.get(name, default), least, most)


def number(name: str, value: Any, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise Refused(f"'{name}' must be a number from {least:g} to {most:g}")
    return float(value)


def _mode(image: bytes | None, mask: bytes | None, abilities: Abilities) -> Mode:
    if mask is not None and image is None:
        raise Refused("'mask' needs 'image', whose parts it marks")
    mode: Mode = "inpainting" if mask is not None else "image-to-image" if image is not None else "text-to-image"
    if mode not in abilities.modes:
        takes = " or ".join(_NEEDS[each] for each in _NEEDS if each in abilities.modes)
        raise Refused(f"this model cannot do {mode}: it takes {takes}")
    return mode


def _size(wanted: _Wanted, settings: ImageSettings, picture: Image | None) -> tuple[int, int]:
    multiple = settings.multiple
    width, height = settings.width, settings.height
    if picture is not None and not wanted.has("width") and not wanted.has("height"):
        # The shape of the picture that was sent, at about as many pixels as the model was made for.
        scale = math.sqrt(width * height / (picture.width * picture.height))
        width = max(multiple, round(picture.width * scale / multiple) * multiple)
        height = max(multiple, round(picture.height * scale / multiple) * multiple)
    else:
        width = wanted.whole("width", width, multiple, settings.max_pixels)
        height = wanted.whole("height", height, multiple, settings.max_pixels)
    for name, pixels in (("width", width), ("height", height)):
        if pixels % multiple:
            raise Refused(f"'{name}' must be a multiple of {multiple}")
    if width * height > settings.max_pixels:
        raise Refused(f"'width' times 'height' must be at most {settings.max_pixels} (MAX_PIXELS)")
    return width, height


def _negative_prompt(wanted: _Wanted, settings: ImageSettings, guidance: float) -> str | None:
    value = wanted.get("negative_prompt")
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise Refused("'negative_prompt' must be a text")
    if not settings.negative_prompt:
        raise Refused("'negative_prompt' cannot be honoured: this model has no negative prompt")
    if guidance <= 1:
        raise Refused("'negative_prompt' needs a 'guidance_scale' above 1")
    return value


def _strength(wanted: _Wanted, mode: Mode, steps: int) -> float:
    if mode == "text-to-image" and wanted.has("strength"):
        raise Refused("'strength' needs 'image': it says how far to go from it")
    strength = wanted.number("strength", _STRENGTHS[mode], 0.0, 1.0)
    if int(steps * strength) < 1:
        raise Refused("'strength' times 'num_inference_steps' must be at least 1, or nothing would change")
    return strength


def _lora(wanted: _Wanted, abilities: Abilities) -> dict[str, float]:
    given = wanted.get("lora")
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise Refused("'lora' must be an object of adapters and their scales")
    for name in given:
        if name not in abilities.adapters:
            there = ", ".join(sorted(abilities.adapters)) or "none"
            raise Refused(f"'lora' names the adapter '{name}'; this model has: {there}")
    return {name: number(f"lora.{name}", scale, -_MAX_LORA, _MAX_LORA) for name, scale in given.items()}

"""The settings that both image backends have, from the parameters of an entry's config.pbtxt.

    DEFAULT_STEPS      30        steps of a request that names none
    DEFAULT_GUIDANCE   7.5       guidance_scale of a request that names none
    DEFAULT_WIDTH      512       size in pixels of a request that names none; one with an image keeps its shape
    DEFAULT_HEIGHT     512
    SIZE_MULTIPLE      8         width and height must be multiples of it
    NEGATIVE_PROMPT    true      whether the model takes one
    MAX_PIXELS         4194304   of one picture, width times height; one more is refused
    MAX_INPUT_PIXELS   33554432  of a picture that is sent
    MAX_QUEUE_SIZE     16        requests that may wait; one more is refused as UNAVAILABLE

Knows texts and figures; does not know an engine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..settings import BadSetting, Parameters, at_least, truth


@dataclass(frozen=True)
class ImageSettings:
    """Bounds and defaults of requests."""

    steps: int = 30
    guidance: float = 7.5
    width: int = 512
    height: int = 512
    multiple: int = 8
    negative_prompt: bool = True
    max_pixels: int = 2**22
    max_input_pixels: int = 2**25
    max_queue_size: int = 16


def read_image_settings(parameters: Parameters) -> ImageSettings:
    """Raises BadSetting."""
    get, default = parameters.get, ImageSettings()
    settings = ImageSettings(
        steps=get("DEFAULT_STEPS", at_least(1), default.steps),
        guidance=get("DEFAULT_GUIDANCE", not_negative, default.guidance),
        width=get("DEFAULT_WIDTH", at_least(8), default.width),
        height=get("DEFAULT_HEIGHT", at_least(8), default.height),
        multiple=get("SIZE_MULTIPLE", at_least(1), default.multiple),
        negative_prompt=get("NEGATIVE_PROMPT", truth, default.negative_prompt),
        max_pixels=get("MAX_PIXELS", at_least(64), default.max_pixels),
        max_input_pixels=get("MAX_INPUT_PIXELS", at_least(64), default.max_input_pixels),
        max_queue_size=get("MAX_QUEUE_SIZE", at_least(0), default.max_queue_size),
    )
    for name, value in (("DEFAULT_WIDTH", settings.width), ("DEFAULT_HEIGHT", settings.height)):
        if value % settings.multiple:
            raise BadSetting(
                f"the parameter {name} of config.pbtxt is '{value}', but it must be a multiple of SIZE_MULTIPLE, "
                f"{settings.multiple}"
            )
    return settings


def not_negative(text: str) -> float:
    """A number that is not negative."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise ValueError("a number that is not negative")
    return value

"""One request for pictures and the events until they are there. And who makes them.

Knows neither HTTP nor tensors.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class DrawRequest:
    """`image` is a PNG, JPEG or WebP file to be changed; `mask` one that is white where the image is filled in.

    What is None is as the model likes. `strength` is 0 to 1, only with an image; `adapters` are LoRA names and scales.
    """

    model: str
    prompt: str
    negative_prompt: str | None = None
    image: bytes | None = None
    mask: bytes | None = None
    n: int | None = None
    width: int | None = None
    height: int | None = None
    steps: int | None = None
    guidance_scale: float | None = None
    strength: float | None = None
    seed: int | None = None
    adapters: Mapping[str, float] = field(default_factory=dict)
    keep_alive_s: float | None = None


@dataclass(frozen=True)
class DrawProgress:
    """The share of the work that is done, from 0 to 1, growing."""

    share: float


@dataclass(frozen=True)
class Drawn:
    """The last event: PNG files."""

    images: tuple[bytes, ...]


DrawEvent = DrawProgress | Drawn


class Drawing(Protocol):
    """Closing the generator cancels the work. Raises EntryNotFound, InvalidInput and EngineError."""

    def draw(self, request: DrawRequest) -> AsyncGenerator[DrawEvent, None]: ...

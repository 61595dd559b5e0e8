"""The use case of pictures: from a request to the files, with the share of the work that is done on the way.

Knows no dialect and no tensors.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Protocol

from gateway.asking import Asking
from gateway.domain.drawing import DrawEvent, DrawRequest
from modelyard.card import TEXT_TO_IMAGE


class PictureEngine(Protocol):
    """What is needed of the engine here; closing the generator cancels the work."""

    def draw(self, model: str, request: DrawRequest) -> AsyncGenerator[DrawEvent, None]: ...


class Draws:
    """Fits `Drawing` of the domain."""

    def __init__(self, asking: Asking, engine: PictureEngine) -> None:
        self._asking = asking
        self._engine = engine

    async def draw(self, request: DrawRequest) -> AsyncGenerator[DrawEvent, None]:
        asked = self._asking.model(request.model, request.keep_alive_s, task=TEXT_TO_IMAGE, can="make pictures")
        async with asked as ready:
            if ready.adapter is not None:
                request = replace(request, adapters={ready.adapter: 1.0, **request.adapters})
            async with aclosing(self._engine.draw(ready.name, request)) as events:
                async for event in events:
                    yield event

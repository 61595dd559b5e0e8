"""The queue before the pipeline: requests are drawn one after the other by a thread of its own, with progress.

A pipeline holds one picture's worth of state, and copies of it hold the weights again; so there is one, and the others
wait. Knows order, progress and cancellation; the engine is a `Painter`, Triton's classes are handed in.
"""

from __future__ import annotations

import collections
import random
import threading
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from PIL.Image import Image

from ..failures import RequestFailed, cancelled, error_response, unloading
from .image_request import Abilities, ImageRequest
from .pictures import to_png

OUTPUTS: tuple[dict[str, Any], ...] = (
    {"name": "progress", "data_type": "TYPE_FP32", "dims": [1]},
    {"name": "image", "data_type": "TYPE_STRING", "dims": [-1]},
)
_SEEDS = 2**32

# Called after each step with the part that is done (0..1); the answer True stops the drawing.
OnStep = Callable[[float], bool]


class Painter(Protocol):
    """An engine with its model loaded."""

    abilities: Abilities

    def draw(self, request: ImageRequest, seed: int, on_step: OnStep) -> Image:
        """One picture. What it gives is not looked at when `on_step` said stop. Raises Refused."""


class Studio:
    """Takes requests on and answers each exactly once, whatever happens; `pb_utils` is Triton's module of that name."""

    def __init__(self, pb_utils: Any, painter: Painter, *, max_queue_size: int) -> None:
        self._triton = pb_utils
        self._painter = painter
        self._max_queue_size = max_queue_size
        self._waiting: collections.deque[tuple[ImageRequest, Any]] = collections.deque()
        self._changed = threading.Condition()
        self._closing = False
        self._busy = False
        self._thread = threading.Thread(target=self._work, name="studio", daemon=True)
        self._thread.start()

    def begin(self, request: ImageRequest, sender: Any) -> None:
        """Queue a request. Raises RequestFailed."""
        with self._changed:
            if self._closing:
                raise unloading()
            if self._busy and len(self._waiting) >= self._max_queue_size:
                raise RequestFailed("UNAVAILABLE", f"{len(self._waiting)} requests are waiting already")
            self._waiting.append((request, sender))
            self._changed.notify()

    def refuse(self, sender: Any, failure: RequestFailed) -> None:
        sender.send(error_response(self._triton, failure), flags=self._triton.TRITONSERVER_RESPONSE_COMPLETE_FINAL)

    def close(self) -> None:
        """Stop after the step that is under way; whoever still waits is told that the model goes away."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                request, sender = self._waiting.popleft()
                self._busy = True
            self._answer(request, sender)

    def _answer(self, request: ImageRequest, sender: Any) -> None:
        try:
            pictures = self._draw(request, sender)
            response = self._response(1.0, [to_png(picture) for picture in pictures])
        except RequestFailed as failure:
            self.refuse(sender, failure)
        except Exception as error:
            self._triton.Logger.log_error(f"a picture could not be drawn: {error!r}")
            self.refuse(sender, RequestFailed("INTERNAL", f"the picture could not be drawn: {_last_line(error)}"))
        else:
            sender.send(response, flags=self._triton.TRITONSERVER_RESPONSE_COMPLETE_FINAL)

    def _draw(self, request: ImageRequest, sender: Any) -> list[Image]:
        # Several pictures are drawn one by one, or the memory would grow with their number. Their seeds are counted on
        # from the first, so that each can be had again by itself.
        first = request.seed if request.seed is not None else random.randrange(_SEEDS)  # noqa: S311 - no secret
        told = 0.0
        pictures = []
        for number in range(request.images):

            def on_step(part: float, number: int = number) -> bool:
                nonlocal told
                progress = (number + min(part, 1.0)) / request.images
                if self._unwanted(sender):
                    return True
                if progress > told:
                    told = progress
                    sender.send(self._response(progress, []))
                return False

            if not self._unwanted(sender):
                picture = self._painter.draw(request, (first + number) % _SEEDS, on_step)
            if self._unwanted(sender):
                raise unloading() if self._closing else cancelled()
            pictures.append(picture)
        return pictures

    def _unwanted(self, sender: Any) -> bool:
        return self._closing or bool(sender.is_cancelled())

    def _response(self, progress: float, files: list[bytes]) -> Any:
        tensor = self._triton.Tensor
        return self._triton.InferenceResponse(
            [tensor("progress", np.array([progress], np.float32)), tensor("image", np.array(files, dtype=np.object_))]
        )


def _last_line(error: BaseException) -> str:
    """OpenVINO's account names places in its own sources first; its last line is the reason."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__

"""The bodies of requests, which are those of OpenAI's endpoints, to our requests.

Knows the two bodies; what they ask of a connection that has a form of its own is refused by name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from gateway.dialects.openai.chat.messages import pictures_of
from gateway.dialects.openai.chat.routes import fetched
from gateway.dialects.openai.chat.schemas import ChatCompletionRequest
from gateway.dialects.openai.chat.translate import to_generation
from gateway.dialects.openai.images.schemas import ImageGenerationRequest
from gateway.dialects.openai.images.translate import to_draw
from gateway.dialects.refusals import Refusal, without_refused
from gateway.domain.drawing import DrawRequest
from gateway.domain.generation import GenerationRequest
from gateway.domain.ports import LoadPicture

_PIECES = "answers come in pieces here, with the usage at the end"
_CHAT = {"stream": Refusal(_PIECES, (None, True)), "stream_options": Refusal(_PIECES)}
_IMAGE = {
    "stream": Refusal("progress comes by itself", (None, True)),
    "response_format": Refusal("pictures come in the last message", (None, "b64_json")),
    "output_format": Refusal("pictures are PNG files here", (None, "png")),
}


class Bodies:
    """Makes requests of bodies. `default_drawer` names the model of a picture for which none is named."""

    def __init__(self, load_picture: LoadPicture, default_drawer: Callable[[], Awaitable[str]]) -> None:
        self._load_picture = load_picture
        self._default_drawer = default_drawer

    async def to_generation(self, wire: ChatCompletionRequest) -> GenerationRequest:
        """Fetches its pictures. Raises InvalidInput."""
        pictures = await fetched(pictures_of(wire.messages), self._load_picture)
        return replace(to_generation(wire, pictures), stream=True)

    async def to_draw(self, wire: ImageGenerationRequest) -> DrawRequest:
        """Raises InvalidInput."""
        return to_draw(wire, wire.model or await self._default_drawer())


def read_chat(body: dict[str, Any]) -> ChatCompletionRequest:
    """Raises ValidationError and InvalidInput."""
    return ChatCompletionRequest.model_validate(without_refused(body, _CHAT))


def read_image(body: dict[str, Any]) -> ImageGenerationRequest:
    """Raises ValidationError and InvalidInput."""
    return ImageGenerationRequest.model_validate(without_refused(body, _IMAGE))

"""OpenAI's words for images, and those of ours that choose how a picture is made. Types and ranges only."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, model_validator

from gateway.dialects.forms import File, Form
from gateway.dialects.openai.images.refused import EDIT_REFUSED, REFUSED, VARIATION_REFUSED
from gateway.dialects.openai.wire import NO_EFFECT, Wire
from gateway.dialects.refusals import without_refused
from gateway.dialects.text import NonEmpty, Text
from modelyard.errors import FieldRefused

MAX_PROMPT = 32_000  # characters, as OpenAI has it
_SIZE = r"^(auto|[1-9][0-9]{0,4}x[1-9][0-9]{0,4})$"
_MODEL = "Name of a served model; unset: the first text-to-image model that is installed."

Prompt = Annotated[Text, StringConstraints(min_length=1, max_length=MAX_PROMPT)]
Size = Annotated[str, StringConstraints(pattern=_SIZE)]


def _adapters(value: Any) -> Any:
    """An object; in a form, the JSON text of one."""
    if not isinstance(value, str | bytes):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        raise ValueError("it must be an object of adapters and their scales") from None


Adapters = Annotated[dict[str, float], BeforeValidator(_adapters)]


class Drawn(BaseModel):
    """The fields that all three endpoints share."""

    model: NonEmpty | None = Field(None, description=_MODEL)
    n: int | None = Field(None, ge=1, le=10, description="How many pictures.")
    size: Size | None = Field(None, description="WIDTHxHEIGHT in pixels; auto is as the model likes.")
    response_format: Literal["b64_json", "url"] | None = Field(
        None, description="url: an address of this gateway, for an hour. Unset is b64_json."
    )
    output_format: Literal["png", "jpeg", "webp"] | None = None
    output_compression: int | None = Field(None, ge=0, le=100, description="The quality of jpeg and webp.")
    stream: bool | None = Field(None, description="Answer with one server-sent event for each picture.")
    user: str | None = Field(None, description=NO_EFFECT)
    safety_identifier: str | None = Field(None, description=NO_EFFECT)
    moderation: Literal["auto", "low"] | None = Field(None, description="Nothing is filtered but by the model itself.")
    negative_prompt: Text | None = Field(None, description="Modelyard's extension: what not to draw.")
    seed: int | None = Field(None, ge=0, lt=2**32, description="Modelyard's extension.")
    steps: int | None = Field(None, ge=1, le=150, description="Modelyard's extension.")
    guidance_scale: float | None = Field(None, ge=0, le=100, description="Modelyard's extension.")
    lora: Adapters | None = Field(None, description="Modelyard's extension: adapters of the model and their scales.")

    @model_validator(mode="after")
    def _fields_agree(self) -> Drawn:
        form = self.output_format or "png"
        if self.output_compression is not None and form == "png":
            raise FieldRefused("output_compression", "it is for jpeg and webp")
        if self.stream and self.response_format == "url":
            raise FieldRefused("response_format", "a stream carries the pictures themselves")
        return self


class ImageGenerationRequest(Drawn, Wire):
    prompt: Prompt

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, given: Any) -> Any:
        return without_refused(_without_other_formats(given), REFUSED)


class Changed(Drawn, Form):
    """The fields of an image that is changed."""

    strength: float | None = Field(None, ge=0, le=1, description="Modelyard's extension: how far to go from the image.")


class ImageEditRequest(Changed):
    prompt: Prompt
    image: list[File] = Field(min_length=1, description="PNG, JPEG or WebP.")
    mask: File | None = Field(None, description="Transparent where the image is filled in, of the image's size.")

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, given: Any) -> Any:
        given = without_refused(_without_other_formats(given), EDIT_REFUSED)
        if isinstance(given, dict) and isinstance(given.get("image"), str | bytes):
            given["image"] = [given["image"]]
        return given

    @model_validator(mode="after")
    def _one_image(self) -> ImageEditRequest:
        if len(self.image) > 1:
            raise FieldRefused("image", "one image is changed at a time")
        return self


class ImageVariationRequest(Changed):
    image: File = Field(description="PNG, JPEG or WebP.")
    prompt: Annotated[Text, StringConstraints(max_length=MAX_PROMPT)] | None = Field(
        None, description="Modelyard's extension."
    )

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, given: Any) -> Any:
        return without_refused(_without_other_formats(given), VARIATION_REFUSED)


def _without_other_formats(given: Any) -> Any:
    if isinstance(given, dict) and given.get("output_format") in ("gif", "svg"):
        raise FieldRefused("output_format", "pictures are made as png, jpeg or webp")
    return given


class ImageData(BaseModel):
    b64_json: str | None = None
    url: str | None = None


class Images(BaseModel):
    created: int
    background: Literal["opaque"] = "opaque"
    data: list[ImageData]
    output_format: Literal["png", "jpeg", "webp"]
    size: str

"""The blocks of a message's content: what each role may send.

Types and checks; how a block becomes ours is in translate.py.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.dialects.anthropic.refused import WITHOUT_EFFECT
from gateway.dialects.text import NonEmpty, Text
from modelyard.errors import FieldRefused

READ = ("text", "image", "tool_use", "tool_result", "thinking")


class Wire(BaseModel):
    """strict: "0.5" is not a number. hide_input: what users write is not repeated in errors."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True)


class TextBlock(Wire):
    type: Literal["text"]
    text: Text


class Base64Source(Wire):
    type: Literal["base64"]
    media_type: Literal["image/jpeg", "image/png", "image/webp", "image/gif"]
    data: NonEmpty


class URLSource(Wire):
    type: Literal["url"]
    url: NonEmpty


class ImageBlock(Wire):
    type: Literal["image"]
    source: Annotated[Base64Source | URLSource, Field(discriminator="type")]


class ToolUseBlock(Wire):
    type: Literal["tool_use"]
    id: NonEmpty
    name: NonEmpty
    input: dict[str, Any]


class ToolResultBlock(Wire):
    type: Literal["tool_result"]
    tool_use_id: NonEmpty
    content: Text | list[Annotated[TextBlock | ImageBlock, Field(discriminator="type")]] | None = None
    is_error: bool | None = Field(None, description="The model reads 'Error:' before the result.")


class ThinkingBlock(Wire):
    type: Literal["thinking"]
    thinking: Text
    signature: Text = Field("", description="Not looked at: thoughts are read as they are sent.")


Block = Annotated[TextBlock | ImageBlock | ToolUseBlock | ToolResultBlock | ThinkingBlock, Field(discriminator="type")]


def without_refused_blocks(where: str, given: Any) -> Any:
    """Content, not yet validated, less what has no effect. Raises FieldRefused for a kind that no model here reads."""
    if not isinstance(given, list):
        return given
    cleaned = []
    for place, block in enumerate(given):
        if isinstance(block, dict):
            kind = block.get("type")
            if isinstance(kind, str) and kind not in READ:
                raise FieldRefused(f"{where}[{place}].type", f"'{kind}' is none of {', '.join(READ)}")
            block = {name: value for name, value in block.items() if name not in WITHOUT_EFFECT}
            if kind == "tool_result":
                block["content"] = without_refused_blocks(f"{where}[{place}].content", block.get("content"))
        cleaned.append(block)
    return cleaned

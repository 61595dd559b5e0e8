"""A message of a conversation and its parts, as a chat template will see them.

Knows no dialect and no template; further kinds of parts come beside `Text` and `Image`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "developer", "user", "assistant", "tool"]


@dataclass(frozen=True)
class Text:
    """Words."""

    text: str


@dataclass(frozen=True)
class Image:
    """A picture: the bytes of a PNG, JPEG or WebP file."""

    data: bytes


Part = Text | Image


@dataclass(frozen=True)
class ToolCall:
    """A call that the model asked for. `arguments` is the JSON text of an object, as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Message:
    """Who said what. `name` is the speaker's, where several share a role, and the tool's in its result.

    An assistant's message may have tool calls and what it thought before; a tool's answers the call `tool_call_id`.
    """

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    reasoning: str | None = None

    @classmethod
    def of(cls, role: Role, text: str) -> Message:
        return cls(role, (Text(text),))

    @property
    def text(self) -> str:
        """All of the text, part after part on lines of their own, as vLLM joins them."""
        return "\n".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def images(self) -> tuple[bytes, ...]:
        return tuple(part.data for part in self.parts if isinstance(part, Image))

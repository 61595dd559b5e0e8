"""A message of a conversation and its parts, as a chat template will see them.

Knows no dialect; pictures, audio and tool calls become further parts beside `Text`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "developer", "user", "assistant"]


@dataclass(frozen=True)
class Text:
    """Words."""

    text: str


Part = Text  # a union as soon as there is a second kind


@dataclass(frozen=True)
class Message:
    """Who said what. `name` is the speaker's, where several share a role."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None

    @classmethod
    def of(cls, role: Role, text: str) -> Message:
        return cls(role, (Text(text),))

    @property
    def text(self) -> str:
        """All of the text, part after part on lines of their own, as vLLM joins them."""
        return "\n".join(part.text for part in self.parts)

"""A conversation: what was said, the pictures that were shown, and the file it is kept in.

Messages have the form of /v1/chat/completions, so a saved conversation can be sent as it is. Knows neither the gateway
nor the terminal.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelyard import user_folders
from modelyard.errors import InvalidInput

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_PICTURES = (  # the first bytes of a file, and its type
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)
_CONTEXT = 40  # characters shown around what was found


@dataclass
class Conversation:
    """`images` are data URLs for the next question."""

    model: str
    system: str | None = None
    messages: list[dict[str, Any]] = field(default_factory=list)
    images: list[str] = field(default_factory=list)

    def ask(self, question: str) -> list[dict[str, Any]]:
        """The messages to send, the question with its pictures the last of them. Remembers the question."""
        content: Any = question
        if self.images:
            pictures = [{"type": "image_url", "image_url": {"url": url}} for url in self.images]
            content = [{"type": "text", "text": question}, *pictures]
        self.messages.append({"role": "user", "content": content})
        system = [{"role": "system", "content": self.system}] if self.system else []
        return [*system, *self.messages]

    def answer(self, text: str) -> None:
        """Remember what was said, all of it or as far as it came. Nothing said: the question is taken back.

        A template may insist that questions and answers take turns. Pictures of a question that came to nothing are
        kept for the next one.
        """
        if text:
            self.messages.append({"role": "assistant", "content": text})
            self.images.clear()
        else:
            self.messages.pop()

    def put_pictures_away(self) -> bool:
        """Whether there were any: a picture that was refused would be refused again with each further question."""
        had = bool(self.images)
        self.images.clear()
        return had

    def clear(self) -> None:
        self.messages.clear()
        self.images.clear()

    def texts(self) -> Iterator[tuple[str, str]]:
        """Who spoke and what, without pictures."""
        for message in self.messages:
            content = message["content"]
            if not isinstance(content, str):
                pictures = sum(part["type"] == "image_url" for part in content)
                content = f"{content[0]['text']} [{pictures} image{'s' if pictures > 1 else ''}]"
            yield message["role"], content


def picture(path: Path) -> str:
    """A file as a data URL. Raises InvalidInput when it is no picture that models read."""
    content = path.expanduser().read_bytes()
    kind = next((kind for start, kind in _PICTURES if content.startswith(start)), None)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        kind = "image/webp"
    if kind is None:
        raise InvalidInput(f"{path} is no picture that models read", hint="PNG, JPEG, WebP and GIF are read")
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def save(conversation: Conversation, parameters: dict[str, Any], name: str) -> Path:
    """Write it under a name, for nobody else to read; one of that name is replaced, in one step."""
    path = _file(name)
    user_folders.made_private(path.parent)
    kept = {
        "model": conversation.model,
        "system": conversation.system,
        "parameters": parameters,
        "messages": conversation.messages,
    }
    partial = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(kept, file, indent=2, ensure_ascii=False)
    partial.replace(path)
    return path


def load(name: str) -> tuple[Conversation, dict[str, Any]]:
    """The conversation of that name and its parameters. Raises InvalidInput."""
    path = _file(name)
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        conversation = Conversation(str(kept["model"]), kept["system"], list(kept["messages"]))
        list(conversation.texts())  # what cannot be shown cannot be gone on with
        return conversation, dict(kept["parameters"])
    except FileNotFoundError:
        listed = ", ".join(saved()) or "none"
        raise InvalidInput(f"no conversation is saved as '{name}'", hint=f"saved: {listed}") from None
    except (ValueError, KeyError, TypeError, IndexError):
        raise InvalidInput(f"{path} is no conversation that /save wrote") from None


def saved() -> list[str]:
    return sorted(path.stem for path in _folder().glob("*.json") if not path.name.startswith("."))


def found(text: str, spoken: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Who said it, and the words around each place where `text` is, whatever its case."""
    for who, said in spoken:
        line = " ".join(said.split())
        for match in re.finditer(re.escape(text), line, flags=re.IGNORECASE):
            start, end = max(0, match.start() - _CONTEXT), match.end() + _CONTEXT
            yield who, f"{'…' if start else ''}{line[start:end]}{'…' if end < len(line) else ''}"


def _folder() -> Path:
    return user_folders.data() / "conversations"


def _file(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"'{name}' cannot name a conversation", hint="use letters, digits, '.', '_' and '-'")
    return _folder() / f"{name}.json"

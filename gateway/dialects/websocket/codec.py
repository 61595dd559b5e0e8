"""Frames to messages and back: a text frame is JSON, a binary one MessagePack; an answer has the form of its question.

Knows bytes; does not know what messages say.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import msgpack
import orjson

from modelyard.errors import InvalidInput

_DEEPEST = 64  # lists and objects within one another; MessagePack's own limit is the depth of the C stack


class Unreadable(InvalidInput):
    """A frame that is no message in its form."""


def decode(frame: str | bytes) -> dict[str, Any]:
    """The message in a frame. Raises Unreadable."""
    try:
        message = orjson.loads(frame) if isinstance(frame, str) else msgpack.unpackb(frame)
    # A recursion that is too deep, bytes that are no text, lengths that promise more than there is: all sorts.
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException, OverflowError) as error:
        form = "JSON" if isinstance(frame, str) else "MessagePack"
        raise Unreadable(f"the frame is not {form}: {error or type(error).__name__}") from None
    if not isinstance(message, dict) or not all(isinstance(name, str) for name in message):
        raise Unreadable("a message is an object whose names are text")
    if _is_deeper(message, _DEEPEST):
        raise Unreadable(f"the message is nested more than {_DEEPEST} deep")
    return message


def encode(message: Mapping[str, Any], *, binary: bool) -> str | bytes:
    """A frame; bytes within the message (pictures) are base64 in JSON and themselves in MessagePack."""
    if binary:
        packed: bytes = msgpack.packb(message)
        return packed
    return orjson.dumps(message, default=_base64).decode()


def _base64(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(type(value).__name__)


def _is_deeper(value: Any, most: int) -> bool:
    level: list[Any] = [value]
    for _ in range(most + 1):
        level = [
            item
            for each in level
            for item in (each.values() if isinstance(each, dict) else each)
            if isinstance(item, dict | list)
        ]
        if not level:
            return False
    return True

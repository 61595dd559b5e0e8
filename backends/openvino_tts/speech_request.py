"""One request for speech, read and checked.

Knows the input tensors and the names of voices; does not know how text becomes speech.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..common.failures import Refused
from ..common.inputs import Tensor, json_object, text
from .sentences import pieces

INPUTS: tuple[dict[str, Any], ...] = (
    {"name": "text_input", "data_type": "TYPE_STRING", "dims": [1]},
    {"name": "parameters", "data_type": "TYPE_STRING", "dims": [1], "optional": True},
)
# SpeechT5 reads letters, was trained on single sentences and has room for 600; its voice drifts well before that.
_LONGEST_PIECE = 250
_KNOWN = ("voice", "speed")


@dataclass(frozen=True)
class SpeechRequest:
    """What a caller wants. `voice` is a speaker's embedding, empty for the library's own."""

    pieces: tuple[str, ...]
    voice: bytes = b""


def read_request(tensor: Tensor, voices: Mapping[str, bytes], *, default_voice: str, max_chars: int) -> SpeechRequest:
    """The request. Raises Refused."""
    given = json_object(tensor, "parameters")
    if unknown := sorted(given.keys() - set(_KNOWN)):
        raise Refused(f"'{unknown[0]}' is not a parameter that this backend knows: {', '.join(_KNOWN)}")
    speed = given.get("speed")
    if speed is not None and (isinstance(speed, bool) or speed != 1):
        raise Refused("'speed' must be 1: this model has one speed")
    voice = given.get("voice")
    name = default_voice if voice is None else voice
    if not isinstance(name, str) or name not in voices:
        raise Refused(f"'voice' must be one of {', '.join(sorted(voices))}")
    wanted = text(tensor, "text_input") or ""
    if len(wanted) > max_chars:
        raise Refused(f"'text_input' has {len(wanted)} characters; this model takes {max_chars} (MAX_TEXT_CHARS)")
    if not any(letter.isalnum() for letter in wanted):
        raise Refused("'text_input' has nothing to say: no letter and no digit")
    return SpeechRequest(tuple(pieces(wanted, _LONGEST_PIECE)), voices[name])

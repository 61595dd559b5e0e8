"""One request for a transcript, read and checked.

Knows the input tensors and what the model can do; does not know how speech becomes text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..common.failures import Refused
from ..common.inputs import Tensor, json_object
from .abilities import Abilities

INPUTS: tuple[dict[str, Any], ...] = (
    {"name": "audio", "data_type": "TYPE_FP32", "dims": [-1]},
    {"name": "parameters", "data_type": "TYPE_STRING", "dims": [1], "optional": True},
)
RATE = 16_000  # samples a second, which is all that Whisper knows
_SHORTEST_S = 0.1  # below it the library's features have no frame to stand on, and timing words ends its process
_LOUDEST = 2.0  # a little above 1 is what decoders and resamplers give; far above are integers that were not scaled

Task = Literal["transcribe", "translate"]
Timestamps = Literal["none", "segment", "word"]
_TASKS = ("transcribe", "translate")
_TIMESTAMPS = ("none", "segment", "word")


@dataclass(frozen=True)
class SpeechRequest:
    """What a caller wants. `audio` is float32 samples; `language` None means that the model finds it out."""

    audio: bytes
    language: str | None = None
    task: Task = "transcribe"
    timestamps: Timestamps = "none"
    initial_prompt: str = ""


def read_request(tensor: Tensor, abilities: Abilities, *, max_seconds: int) -> SpeechRequest:
    """The request. Raises Refused."""
    given = json_object(tensor, "parameters")
    if unknown := sorted(given.keys() - _READERS.keys()):
        raise Refused(f"'{unknown[0]}' is not a parameter that this backend knows: {', '.join(_READERS)}")
    values = {name: read(given[name], abilities) for name, read in _READERS.items() if given.get(name) is not None}
    values.pop("temperature", None)
    return SpeechRequest(audio=_audio(tensor("audio"), max_seconds), **values)


def _audio(array: Any | None, max_seconds: int) -> bytes:
    if array is None or array.size < _SHORTEST_S * RATE:
        raise Refused(f"'audio' must have at least {_SHORTEST_S} seconds, which are {int(_SHORTEST_S * RATE)} samples")
    if array.size > max_seconds * RATE:
        raise Refused(
            f"'audio' has {array.size / RATE:.0f} seconds at {RATE} samples a second; "
            f"this model takes {max_seconds} (MAX_AUDIO_SECONDS)"
        )
    samples = np.ascontiguousarray(array, dtype=np.float32).reshape(-1)
    if not np.isfinite(samples).all():
        raise Refused("'audio' has samples that are not numbers (NaN or infinity)")
    if (loudest := float(np.abs(samples).max())) > _LOUDEST:
        raise Refused(f"'audio' must lie between -1 and 1, and has a sample of {loudest:g}")
    return samples.tobytes()


def _language(value: Any, abilities: Abilities) -> str:
    if not isinstance(value, str):
        raise Refused("'language' must be a code such as \"en\", or null to find it out")
    code = value.strip().lower().removeprefix("<|").removesuffix("|>")
    if not abilities.multilingual:
        if code == "en":
            return code
        raise Refused("'language' cannot be honoured: this model knows English only")
    if code not in abilities.languages:
        known = ", ".join(sorted(abilities.languages))
        raise Refused(f"'language' cannot be honoured: this model does not know '{code[:40]}', but {known}")
    return code


def _task(value: Any, abilities: Abilities) -> Task:
    if value not in _TASKS:
        raise Refused(f"'task' must be one of {', '.join(_TASKS)}")
    if value == "translate" and not abilities.translates:
        raise Refused("'task' cannot be \"translate\": this model knows one language only")
    return "translate" if value == "translate" else "transcribe"


def _timestamps(value: Any, abilities: Abilities) -> Timestamps:
    for known in _TIMESTAMPS:
        if value == known:
            if known == "word" and not abilities.times_words:
                raise Refused(
                    "'timestamps' cannot be \"word\": the model has no alignment heads, or WORD_TIMESTAMPS is off"
                )
            return known  # type: ignore[return-value]  # one of the three
    raise Refused(f"'timestamps' must be one of {', '.join(_TIMESTAMPS)}")


def _prompt(value: Any, _abilities: Abilities) -> str:
    if not isinstance(value, str):
        raise Refused("'initial_prompt' must be a text")
    return value.strip()


def _temperature(value: Any, _abilities: Abilities) -> None:
    if isinstance(value, bool) or value != 0:
        raise Refused("'temperature' must be 0: this backend takes the likeliest words and draws none by lot")


_READERS: Mapping[str, Any] = {
    "language": _language,
    "task": _task,
    "timestamps": _timestamps,
    "initial_prompt": _prompt,
    "temperature": _temperature,
}

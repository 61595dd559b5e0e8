"""Speech to text and text to speech. And who does it.

Knows neither HTTP nor tensors, nor any audio format but samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

HEARD_HZ = 16_000  # samples a second of what is transcribed


@dataclass(frozen=True)
class TranscribeRequest:
    """`samples` are little-endian FP32 from -1 to 1, mono, 16 kHz. `language` None is found out; translate is into
    English."""

    model: str
    samples: bytes
    task: Literal["transcribe", "translate"] = "transcribe"
    language: str | None = None
    timestamps: Literal["none", "segment", "word"] = "none"
    initial_prompt: str | None = None
    temperature: float | None = None
    keep_alive_s: float | None = None


@dataclass(frozen=True)
class Segment:
    """A phrase or a word; seconds from the beginning."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Transcript:
    text: str
    language: str
    segments: tuple[Segment, ...] = ()


@dataclass(frozen=True)
class SpeakRequest:
    """`voice` None is the model's own; with `any_voice` that one speaks also where the model has not the one that is
    named. `speed` 1 is normal."""

    model: str
    text: str
    voice: str | None = None
    any_voice: bool = False
    speed: float | None = None
    keep_alive_s: float | None = None


@dataclass(frozen=True)
class Spoken:
    """`samples` are little-endian FP32 from -1 to 1, mono."""

    samples: bytes
    sample_rate: int


class Transcribing(Protocol):
    async def transcribe(self, request: TranscribeRequest) -> Transcript: ...


class Speaking(Protocol):
    async def speak(self, request: SpeakRequest) -> Spoken: ...

"""OpenAI's words for speech in both directions. Types and ranges only; unknown fields are refused by name."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field, model_validator

from gateway.dialects.forms import File, Form
from gateway.dialects.openai.audio.refused import SPEECH_REFUSED, TRANSCRIPTION_REFUSED
from gateway.dialects.openai.wire import Wire
from gateway.dialects.refusals import without_refused
from gateway.dialects.text import NonEmpty, Text
from modelyard.errors import FieldRefused

_AUDIO = "WAV, MP3, FLAC, OGG, WebM or M4A."
_MODEL = "Name of a served model."
_SPEED = "Refused by models that have one speed only, unless it is 1."

TextFormat = Literal["json", "text", "srt", "verbose_json", "vtt"]


class _Heard(Form):
    model: NonEmpty = Field(description=_MODEL)
    file: File = Field(description=_AUDIO)
    prompt: Text | None = Field(None, description="Words and spellings to expect.")
    response_format: TextFormat | None = Field(None, description="Unset is json.")
    temperature: float | None = Field(None, ge=0, le=1, description="0: the likeliest words are taken.")

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("response_format") == "diarized_json":
            raise FieldRefused("response_format", "speakers are not told apart")
        return without_refused(given, TRANSCRIPTION_REFUSED)

    @model_validator(mode="after")
    def _no_lot(self) -> _Heard:
        if self.temperature:
            raise FieldRefused("temperature", "it must be 0: the likeliest words are taken and none drawn by lot")
        return self


class TranslationRequest(_Heard):
    pass


class TranscriptionRequest(_Heard):
    language: NonEmpty | None = Field(None, description="A code such as de; unset: the model finds it out.")
    languages: list[NonEmpty] | None = Field(None, description="One language at most.")
    keywords: list[NonEmpty] | None = Field(None, description="Words to expect, put before the prompt.")
    timestamp_granularities: list[Literal["word", "segment"]] | None = Field(
        None, description="For verbose_json; unset is segment."
    )
    stream: bool | None = Field(None, description="Answer as server-sent events; for json and text.")

    @model_validator(mode="after")
    def _fields_agree(self) -> TranscriptionRequest:
        if self.timestamp_granularities and self.response_format != "verbose_json":
            raise FieldRefused("timestamp_granularities", "it needs response_format to be verbose_json")
        if self.stream and self.response_format not in (None, "json", "text"):
            raise FieldRefused("stream", f"{self.response_format} is complete at the end only")
        if self.languages and (len(self.languages) > 1 or self.language):
            raise FieldRefused("languages", "one language can be named, or none to have it found out")
        return self


class VoiceId(Wire):
    id: NonEmpty


class SpeechRequest(Wire):
    model: NonEmpty = Field(description=_MODEL)
    input: NonEmpty
    voice: NonEmpty | VoiceId = Field(description="A voice of the model; OpenAI's names stand for the model's own.")
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] | None = Field(
        None, description="Unset is mp3. pcm: 24,000 samples a second of 16 bits."
    )
    speed: float | None = Field(None, ge=0.25, le=4, description=_SPEED)
    stream_format: Literal["sse", "audio"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, given: Any) -> Any:
        return without_refused(given, SPEECH_REFUSED)


class DurationUsage(BaseModel):
    type: Literal["duration"]
    seconds: float


class Word(BaseModel):
    word: str
    start: float
    end: float


class Segment(BaseModel):
    id: int
    seek: int
    start: float
    end: float
    text: str
    tokens: list[int]
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float


class Transcription(BaseModel):
    """json has the text and the usage; verbose_json has the rest."""

    text: str
    usage: DurationUsage | None = None
    task: Literal["transcribe", "translate"] | None = None
    language: str | None = None
    duration: float | None = None
    segments: list[Segment] | None = None
    words: list[Word] | None = None

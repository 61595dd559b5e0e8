"""The use cases of speech: what was said, as text, and a text, as sound.

Knows samples; knows no dialect, no tensors and no format of audio files.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from gateway.asking import Asking
from gateway.domain.speech import SpeakRequest, Spoken, TranscribeRequest, Transcript
from modelyard.card import SPEECH_RECOGNITION, TEXT_TO_SPEECH
from modelyard.errors import InvalidInput


class SpeechEngine(Protocol):
    """What is needed of the engine here. An InvalidInput names the field by the request's name of it."""

    async def transcribe(self, model: str, request: TranscribeRequest) -> Transcript: ...

    async def speak(self, model: str, request: SpeakRequest) -> Spoken: ...


class Hears:
    """Fits `Transcribing` of the domain."""

    def __init__(self, asking: Asking, engine: SpeechEngine) -> None:
        self._asking = asking
        self._engine = engine

    async def transcribe(self, request: TranscribeRequest) -> Transcript:
        asked = self._asking.model(
            request.model, request.keep_alive_s, task=SPEECH_RECOGNITION, can="transcribe or translate speech"
        )
        async with asked as ready:
            return await self._engine.transcribe(ready.name, request)


class Speaks:
    """Fits `Speaking` of the domain."""

    def __init__(self, asking: Asking, engine: SpeechEngine) -> None:
        self._asking = asking
        self._engine = engine

    async def speak(self, request: SpeakRequest) -> Spoken:
        asked = self._asking.model(request.model, request.keep_alive_s, task=TEXT_TO_SPEECH, can="speak")
        async with asked as ready:
            try:
                return await self._engine.speak(ready.name, request)
            except InvalidInput as error:
                # Refused before any work, so asking again costs nothing.
                if error.field != "voice" or not request.any_voice:
                    raise
                return await self._engine.speak(ready.name, replace(request, voice=None))

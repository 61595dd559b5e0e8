"""HTTP of /v1/audio: files to samples, translate in, ask, translate out, return."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response

from gateway.dialects.bodies import JSONRoute
from gateway.dialects.failures import from_exception
from gateway.dialects.forms import form_body, read_form
from gateway.dialects.framing import EVENT_SCHEMA, EVENT_STREAM, JSONBytes, StreamedAnswer, sse, while_connected
from gateway.dialects.naming import named
from gateway.dialects.openai.audio import schemas, translate
from gateway.dialects.openai.translate import last_words
from gateway.dialects.openai.wire import failures
from gateway.domain.speech import HEARD_HZ, Speaking, SpeakRequest, TranscribeRequest, Transcribing, Transcript
from gateway.media import audio

_TEXTS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "text/plain": {"schema": {"type": "string"}},
            EVENT_STREAM: {
                "schema": EVENT_SCHEMA,
                "example": 'data: {"type": "transcript.text.delta", "delta": "..."}\n\n',
            },
        }
    }
}
_SOUNDS: dict[int | str, dict[str, Any]] = {
    200: {"content": {audio.media_type(each): {} for each in ("mp3", "opus", "aac", "flac", "wav", "pcm")}}
}


def audio_router(transcribing: Transcribing, speaking: Speaking, *, most_s: float) -> APIRouter:
    """`most_s` is how long the sound of a file may be, in seconds."""
    router = APIRouter(prefix="/v1/audio", tags=["openai"], route_class=JSONRoute)

    @router.post(
        "/transcriptions",
        summary="What is said in a file",
        response_model=schemas.Transcription,
        responses={**_TEXTS, **failures(415)},
        openapi_extra=form_body(schemas.TranscriptionRequest),
    )
    async def transcriptions(request: Request) -> Response:
        wire = await read_form(request, schemas.TranscriptionRequest)
        samples = await _samples(wire.file, most_s)
        asked = translate.to_transcribe(wire, samples)
        if wire.stream:
            return _stream(_text_events(transcribing, asked))
        return _answer(wire, asked, await while_connected(request.receive, _hear(transcribing, asked)), samples)

    @router.post(
        "/translations",
        summary="What is said in a file, in English",
        response_model=schemas.Transcription,
        responses={**_TEXTS, **failures(415)},
        openapi_extra=form_body(schemas.TranslationRequest),
    )
    async def translations(request: Request) -> Response:
        wire = await read_form(request, schemas.TranslationRequest)
        samples = await _samples(wire.file, most_s)
        asked = translate.to_transcribe(wire, samples)
        return _answer(wire, asked, await while_connected(request.receive, _hear(transcribing, asked)), samples)

    @router.post("/speech", summary="A text as sound", response_class=Response, responses={**_SOUNDS, **failures(415)})
    async def speech(wire: schemas.SpeechRequest, request: Request) -> Response:
        form = wire.response_format or "mp3"
        asked = translate.to_speak(wire)
        if wire.stream_format == "sse":
            return _stream(_sound_events(speaking, asked, form))
        made = await while_connected(request.receive, _speak(speaking, asked, form))
        return Response(made, media_type=audio.media_type(form))

    return router


async def _samples(file: bytes, most_s: float) -> bytes:
    with named({"": "file"}):
        return await asyncio.to_thread(audio.decode, file, rate=HEARD_HZ, most_s=most_s)


async def _hear(transcribing: Transcribing, asked: Sequence[TranscribeRequest]) -> list[Transcript]:
    with named(translate.HEARD_FIELDS, too_long="prompt"):
        return [await transcribing.transcribe(each) for each in asked]


async def _speak(speaking: Speaking, asked: SpeakRequest, form: audio.AudioFormat) -> bytes:
    with named(translate.SPOKEN_FIELDS):
        spoken = await speaking.speak(asked)
    return await asyncio.to_thread(audio.encode, spoken.samples, spoken.sample_rate, form)


def _answer(
    wire: schemas.TranscriptionRequest | schemas.TranslationRequest,
    asked: Sequence[TranscribeRequest],
    found: Sequence[Transcript],
    samples: bytes,
) -> Response:
    if wire.response_format == "verbose_json":
        return JSONBytes(translate.as_verbose_json(asked, found, samples))
    if wire.response_format == "text":
        return Response(f"{found[0].text}\n", media_type="text/plain")
    if wire.response_format == "srt":
        return Response(translate.as_srt(found[0]), media_type="text/plain")
    if wire.response_format == "vtt":
        return Response(translate.as_vtt(found[0]), media_type="text/vtt")
    return JSONBytes(translate.as_json(found[0], samples))


async def _text_events(transcribing: Transcribing, asked: Sequence[TranscribeRequest]) -> AsyncGenerator[bytes, None]:
    (found,) = await _hear(transcribing, asked)
    yield sse(translate.text_delta(found))
    yield sse(translate.text_done(found))


async def _sound_events(
    speaking: Speaking, asked: SpeakRequest, form: audio.AudioFormat
) -> AsyncGenerator[bytes, None]:
    made = await _speak(speaking, asked, form)
    yield sse({"type": "speech.audio.delta", "audio": base64.b64encode(made).decode()})
    yield sse({"type": "speech.audio.done", "usage": {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}})


def _stream(frames: AsyncGenerator[bytes, None]) -> StreamedAnswer:
    return StreamedAnswer(frames, EVENT_STREAM, lambda error: last_words(from_exception(error)))

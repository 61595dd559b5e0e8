"""Bodies of /v1/audio to our requests, and transcripts to OpenAI's forms of them. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, Literal

from gateway.dialects.openai.audio.languages import code_of, name_of
from gateway.dialects.openai.audio.schemas import SpeechRequest, TranscriptionRequest, TranslationRequest, VoiceId
from gateway.domain.speech import HEARD_HZ, Segment, SpeakRequest, TranscribeRequest, Transcript

# Our names of fields, and the client's where they differ.
HEARD_FIELDS = {"samples": "file", "initial_prompt": "prompt", "timestamps": "timestamp_granularities", "task": "model"}
SPOKEN_FIELDS = {"text": "input"}

# Clients of OpenAI's API must name a voice, and these are the ones it documents.
_OPENAI_VOICES = frozenset(
    ("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse")
)


def to_transcribe(wire: TranscriptionRequest | TranslationRequest, samples: bytes) -> tuple[TranscribeRequest, ...]:
    """One request for each kind of timestamps: the engine times phrases or words, not both at once."""
    prompt, language = wire.prompt, None
    task: Literal["transcribe", "translate"] = "translate"
    if isinstance(wire, TranscriptionRequest):
        task = "transcribe"
        prompt = ", ".join(wire.keywords or ()) + (f". {prompt}" if prompt else "") if wire.keywords else prompt
        named = wire.language or (wire.languages[0] if wire.languages else None)
        language = code_of(named) if named else None
    return tuple(
        TranscribeRequest(
            model=wire.model,
            samples=samples,
            task=task,
            language=language,
            timestamps=timestamps,
            initial_prompt=prompt,
            temperature=wire.temperature,
        )
        for timestamps in _timestamps(wire)
    )


def _timestamps(wire: TranscriptionRequest | TranslationRequest) -> Sequence[Literal["none", "segment", "word"]]:
    if wire.response_format in (None, "json", "text"):
        return ("none",)
    wanted = wire.timestamp_granularities if isinstance(wire, TranscriptionRequest) else None
    if not wanted:
        return ("segment",)
    return [each for each in ("segment", "word") if each in wanted]


def to_speak(wire: SpeechRequest) -> SpeakRequest:
    voice = wire.voice.id if isinstance(wire.voice, VoiceId) else wire.voice
    return SpeakRequest(
        model=wire.model, text=wire.input, voice=voice, any_voice=voice in _OPENAI_VOICES, speed=wire.speed
    )


def seconds(samples: bytes) -> float:
    return round(len(samples) / 4 / HEARD_HZ, 3)


def as_json(found: Transcript, samples: bytes) -> dict[str, Any]:
    return {"text": found.text, "usage": _usage(samples)}


def as_verbose_json(asked: Sequence[TranscribeRequest], found: Sequence[Transcript], samples: bytes) -> dict[str, Any]:
    """`segments` and `words` as far as they were asked for."""
    first, task = found[0], asked[0].task
    answer: dict[str, Any] = {
        "task": task,
        "language": "english" if task == "translate" else name_of(first.language),
        "duration": seconds(samples),
        "text": first.text,
        "usage": _usage(samples),
    }
    for request, each in zip(asked, found, strict=True):
        if request.timestamps == "word":
            answer["words"] = [{"word": it.text.strip(), "start": it.start, "end": it.end} for it in each.segments]
        else:
            answer["segments"] = [_segment(place, it) for place, it in enumerate(each.segments)]
    return answer


def as_srt(found: Transcript) -> str:
    return "".join(
        f"{place}\n{_clock(each.start, ',')} --> {_clock(each.end, ',')}\n{_cue(each)}\n\n"
        for place, each in enumerate(_cues(found), start=1)
    )


def as_vtt(found: Transcript) -> str:
    cues = "".join(f"{_clock(each.start, '.')} --> {_clock(each.end, '.')}\n{_cue(each)}\n\n" for each in _cues(found))
    return f"WEBVTT\n\n{cues}"


def text_delta(found: Transcript) -> dict[str, Any]:
    return {"type": "transcript.text.delta", "delta": found.text}


def text_done(found: Transcript) -> dict[str, Any]:
    return {"type": "transcript.text.done", "text": found.text}


def _usage(samples: bytes) -> dict[str, Any]:
    return {"type": "duration", "seconds": seconds(samples)}


def _segment(place: int, segment: Segment) -> dict[str, Any]:
    """What Whisper tells of itself and the engine does not is 0, since OpenAI's types say that it is there."""
    text = segment.text.encode()
    return {
        "id": place,
        "seek": 0,
        "start": segment.start,
        "end": segment.end,
        "text": segment.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": 0.0,
        "compression_ratio": round(len(text) / len(zlib.compress(text)), 3),
        "no_speech_prob": 0.0,
    }


def _cues(found: Transcript) -> list[Segment]:
    return [each for each in found.segments if each.text.strip()]


def _cue(segment: Segment) -> str:
    # An arrow or an empty line within a text would begin another cue.
    return " ".join(segment.text.replace("-->", "->").split())


def _clock(at_s: float, mark: str) -> str:
    whole, thousandths = divmod(round(max(0.0, at_s) * 1000), 1000)
    minutes, rest = divmod(whole, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest:02}{mark}{thousandths:03}"

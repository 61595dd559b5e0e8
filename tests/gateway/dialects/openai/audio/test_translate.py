"""Transcripts in OpenAI's forms, and what a client sends as the engine's request."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.openai.audio import translate
from gateway.dialects.openai.audio.languages import code_of, name_of
from gateway.dialects.openai.audio.schemas import SpeechRequest, TranscriptionRequest, TranslationRequest
from gateway.domain.speech import Segment, Transcript

FOUND = Transcript("one two", "de", (Segment(0, 1.5, " one"), Segment(3661.25, 3662, "two\n\n--> three")))


def test_subtitles() -> None:
    assert translate.as_srt(FOUND) == (
        "1\n00:00:00,000 --> 00:00:01,500\none\n\n2\n01:01:01,250 --> 01:01:02,000\ntwo -> three\n\n"
    )
    assert translate.as_vtt(FOUND) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\none\n\n01:01:01.250 --> 01:01:02.000\ntwo -> three\n\n"
    )


@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 1e5), st.text())))
def test_subtitles_have_one_cue_for_each_segment_with_words(segments: list[tuple[float, float, str]]) -> None:
    found = Transcript("", "en", tuple(Segment(*each) for each in segments))
    cues = translate.as_vtt(found).split("\n\n")[1:-1]
    assert len(cues) == len([text for _, _, text in segments if text.strip()])
    assert all(re.match(r"\d\d+:\d\d:\d\d\.\d{3} --> \d\d+:\d\d:\d\d\.\d{3}\n", f"{cue}\n") for cue in cues)


@pytest.mark.parametrize(
    ("form", "kinds", "asked"),
    [
        (None, None, ["none"]),
        ("text", None, ["none"]),
        ("srt", None, ["segment"]),
        ("verbose_json", None, ["segment"]),
        ("verbose_json", ["word"], ["word"]),
        ("verbose_json", ["word", "segment"], ["segment", "word"]),
    ],
)
def test_each_kind_of_times_is_asked_for_once(form: str | None, kinds: list[str] | None, asked: list[str]) -> None:
    wire = TranscriptionRequest.model_validate(
        {"model": "m", "file": b"x", "response_format": form, "timestamp_granularities": kinds}
    )
    assert [each.timestamps for each in translate.to_transcribe(wire, b"")] == asked


def test_keywords_go_before_the_prompt_and_languages_have_codes() -> None:
    wire = TranscriptionRequest.model_validate(
        {"model": "m", "file": b"x", "keywords": ["quay", "bollard"], "prompt": "At sea", "language": "German"}
    )
    (request,) = translate.to_transcribe(wire, b"")
    assert request.initial_prompt == "quay, bollard. At sea"
    assert (request.language, request.task) == ("de", "transcribe")
    (request,) = translate.to_transcribe(TranslationRequest(model="m", file=b"x"), b"")
    assert (request.language, request.task) == (None, "translate")


def test_languages_by_code_and_by_name() -> None:
    assert (name_of("ht"), code_of("Haitian Creole")) == ("haitian creole", "ht")
    assert (name_of("tlh"), code_of("tlh")) == ("tlh", "tlh")


@pytest.mark.parametrize(("voice", "named", "any_voice"), [("alloy", "alloy", True), ({"id": "ann"}, "ann", False)])
def test_only_openais_own_voices_may_be_another(voice: object, named: str, any_voice: bool) -> None:
    wire = SpeechRequest.model_validate({"model": "m", "input": "x", "voice": voice})
    request = translate.to_speak(wire)
    assert (request.voice, request.any_voice) == (named, any_voice)

"""Speech by the unmodified `openai` client, in both directions, with real engines below."""

from __future__ import annotations

import base64
import io
import json
import struct
from typing import Any

import av
import httpx
import openai
import pytest

from tests.converters.speech_checkpoints import samples
from tests.system.service import Service
from tests.system.tasks.marks import proves
from tests.system.tasks.tiny_tasks import VOICE

HZ = 16_000
SECONDS = 3.0
TRANSCRIPTIONS, TRANSLATIONS, SPEECH = "/v1/audio/transcriptions", "/v1/audio/translations", "/v1/audio/speech"
SAID = "The boats came in."
CONTAINERS = {
    "wav": ("wav", "pcm_s16le", HZ),
    "mp3": ("mp3", "libmp3lame", 44_100),
    "flac": ("flac", "flac", 8_000),
    "ogg": ("ogg", "libopus", 48_000),
    "webm": ("webm", "libopus", 48_000),
    "m4a": ("ipod", "aac", 22_050),
}


def sound(kind: str = "wav", seconds: float = SECONDS) -> tuple[str, bytes]:
    """A file in the form that the openai client takes."""
    container, codec, rate = CONTAINERS[kind]
    content = samples(seconds)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate, layout="stereo")
        frame = av.AudioFrame(format="flt", layout="mono", samples=len(content))
        frame.planes[0].update(struct.pack(f"<{len(content)}f", *content))
        frame.sample_rate = HZ
        context = stream.codec_context
        context.open()
        resampler = av.AudioResampler(context.format, "stereo", rate, context.frame_size or None)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return f"sound.{kind}", buffer.getvalue()


@pytest.fixture(scope="module")
def wav() -> tuple[str, bytes]:
    return sound()


@proves(TRANSCRIPTIONS, "", "file", "model")
@pytest.mark.parametrize("kind", CONTAINERS)
def test_every_kind_of_file_is_heard(asked: openai.OpenAI, kind: str) -> None:
    heard = asked.audio.transcriptions.create(model="listener", file=sound(kind))
    assert heard.text
    assert heard.usage is not None
    assert heard.usage.type == "duration"
    assert heard.usage.seconds == pytest.approx(SECONDS, abs=0.15)


@proves(TRANSCRIPTIONS, "language", "languages", "prompt", "keywords", "temperature")
def test_what_helps_to_hear_reaches_the_model(asked: openai.OpenAI, wav: tuple[str, bytes]) -> None:
    def heard(**more: Any) -> str:
        return asked.audio.transcriptions.create(model="listener", file=wav, **more).text

    by_code = heard(language="de", temperature=0)
    assert by_code == heard(language="German") == heard(extra_body={"languages": ["de"]})
    assert by_code != heard(language="fr")
    assert heard(language="de", prompt="harbour") == heard(language="de", extra_body={"keywords": ["harbour"]})
    assert heard(language="de", prompt="harbour, boats") != by_code
    with pytest.raises(openai.BadRequestError, match="tlh") as caught:
        heard(language="tlh")
    assert caught.value.param == "language"


@proves(TRANSCRIPTIONS, "response_format")
def test_subtitles_and_text(asked: openai.OpenAI, wav: tuple[str, bytes]) -> None:
    def heard(form: Any) -> Any:
        return asked.audio.transcriptions.create(model="listener", file=wav, language="de", response_format=form)

    assert heard("text").strip() == heard("json").text.strip()
    assert heard("srt").startswith("1\n00:00:00,")
    assert heard("vtt").startswith("WEBVTT\n\n00:00:0")
    whole = heard("verbose_json")
    assert whole.language == "german"
    assert whole.duration == pytest.approx(SECONDS, abs=0.1)
    assert whole.segments[0].id == 0
    assert 0 <= whole.segments[0].start <= whole.segments[0].end <= 30
    assert whole.segments[0].compression_ratio > 0
    assert whole.words is None


@proves(TRANSCRIPTIONS, "timestamp_granularities")
def test_words_are_timed_alone_and_beside_phrases(asked: openai.OpenAI, wav: tuple[str, bytes]) -> None:
    def heard(*kinds: Any) -> Any:
        return asked.audio.transcriptions.create(
            model="listener",
            file=wav,
            language="de",
            response_format="verbose_json",
            timestamp_granularities=list(kinds),
        )

    alone, both = heard("word"), heard("segment", "word")
    assert alone.segments is None
    assert alone.words
    assert both.words == alone.words
    assert both.segments == heard("segment").segments


@proves(TRANSCRIPTIONS, "stream")
def test_a_streamed_transcript_ends_with_the_whole(asked: openai.OpenAI, wav: tuple[str, bytes]) -> None:
    question = {"model": "listener", "file": wav, "language": "de"}
    events = list(asked.audio.transcriptions.create(**question, stream=True))
    assert "".join(event.delta for event in events if event.type == "transcript.text.delta") == events[-1].text
    assert events[-1].type == "transcript.text.done"
    assert events[-1].text == asked.audio.transcriptions.create(**question).text


@proves(TRANSLATIONS, "", "file", "model", "prompt", "response_format", "temperature")
def test_a_translation_is_in_english(asked: openai.OpenAI, wav: tuple[str, bytes]) -> None:
    made = asked.audio.translations.create(model="listener", file=wav, prompt="harbour", temperature=0)
    plain = asked.audio.translations.create(model="listener", file=wav)
    assert made.text != plain.text
    whole = asked.audio.translations.create(model="listener", file=wav, response_format="verbose_json")
    assert whole.language == "english"
    assert whole.segments
    vtt: Any = asked.audio.translations.create(model="listener", file=wav, response_format="vtt")
    assert vtt.startswith("WEBVTT")


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (("sound.wav", b"RIFF of nothing"), "cannot be read as sound"),
        (("list.m3u8", b"#EXTM3U\n#EXTINF:9,\nfile:///etc/hostname\n"), "cannot be read as sound"),
        (("sound.wav", b""), "cannot be read as sound"),
        (sound(seconds=0.05), "0.1 seconds"),
        (sound(seconds=6), "longer than 5 seconds"),
    ],
)
def test_a_file_that_cannot_be_heard_is_the_callers_fault(
    asked: openai.OpenAI, file: tuple[str, bytes], why: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=why) as caught:
        asked.audio.transcriptions.create(model="listener", file=file)
    assert caught.value.param == "file"


@proves(SPEECH, "", "model", "input", "voice", "response_format", "speed")
def test_a_text_is_said_in_each_format(asked: openai.OpenAI) -> None:
    def said(form: Any, voice: Any = VOICE, **more: Any) -> bytes:
        answer = asked.audio.speech.create(model="speaker", input=SAID, voice=voice, response_format=form, **more)
        return answer.content

    begins = {"mp3": b"ID3", "opus": b"OggS", "aac": b"\xff\xf1", "flac": b"fLaC", "wav": b"RIFF"}
    assert all(said(form).startswith(begin) for form, begin in begins.items())
    with av.open(io.BytesIO(said("wav"))) as file:
        rate = file.streams.audio[0].rate
        heard = sum(frame.samples for frame in file.decode(audio=0)) / rate
    assert len(said("pcm")) / 2 / 24_000 == pytest.approx(heard, abs=0.05)
    assert said("wav", speed=1.0) == said("wav")
    # OpenAI's names stand for the model's own voice, which is another one here.
    assert said("wav", "alloy") == said("wav", "default") == said("wav", {"id": "nova"})
    assert said("wav", "alloy") != said("wav")


@proves(SPEECH, "stream_format")
def test_speech_as_events_is_the_same_file(tasks: Service, asked: openai.OpenAI) -> None:
    question: dict[str, Any] = {"model": "speaker", "input": SAID, "voice": VOICE, "response_format": "wav"}
    whole = asked.audio.speech.create(**question, stream_format="audio").content
    answer = httpx.post(f"{tasks.url}{SPEECH}", json={**question, "stream_format": "sse"}, timeout=60)
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]
    assert [event["type"] for event in events] == ["speech.audio.delta", "speech.audio.done"]
    assert base64.b64decode(events[0]["audio"]) == whole


@pytest.mark.parametrize(
    ("more", "param", "why"),
    [
        ({"voice": "nobody"}, "voice", f"default, {VOICE}"),
        pytest.param(
            {"speed": 1.5},
            "speed",
            "one speed",
            marks=pytest.mark.proves(f"POST {SPEECH}", "speed (other than 1)", "refused"),
        ),
        ({"input": "..."}, "input", "nothing to say"),
        ({"input": "a" * 5000}, "input", "5000 characters"),
        ({"model": "listener"}, "model", "'listener' does not speak"),
    ],
)
def test_what_cannot_be_said_names_the_field(asked: openai.OpenAI, more: dict[str, Any], param: str, why: str) -> None:
    with pytest.raises(openai.BadRequestError, match=why) as caught:
        asked.audio.speech.create(**{"model": "speaker", "input": SAID, "voice": "alloy", **more})
    assert caught.value.param == param

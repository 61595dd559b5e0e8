"""Audio files become samples, and samples become files, by FFmpeg's libraries in this process.

Knows containers and codecs; does not know what is said. Its functions compute: call them in a thread.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Final, Literal, NamedTuple

import av
import av.error

from modelyard.errors import InvalidInput

AudioFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]

# FFmpeg reads much that is no sound: a playlist that was sent as a file would have it open other files and addresses.
_CONTAINERS: Final = "wav,w64,aiff,au,mp3,flac,ogg,matroska,webm,mov,mp4,m4a,aac,caf,amr,mpeg"
_CODECS: Final = ("pcm_", "adpcm_", "mp3", "mp2", "mp1", "flac", "vorbis", "opus", "aac", "alac", "amr")
_OPENED_WITH: Final = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "none"}
_TAKEN: Final = "send WAV, MP3, FLAC, OGG, WebM or M4A"
_PIECE_BYTES: Final = 1 << 22  # samples that are given to an encoder at once


class _Form(NamedTuple):
    """A container and its codec by FFmpeg's names; `rate` is samples a second where the form has only one."""

    media_type: str
    container: str
    codec: str
    rate: int | None = None


_FORMS: Final[dict[AudioFormat, _Form]] = {
    "mp3": _Form("audio/mpeg", "mp3", "libmp3lame"),
    "opus": _Form("audio/ogg", "ogg", "libopus", 48_000),
    "aac": _Form("audio/aac", "adts", "aac"),
    "flac": _Form("audio/flac", "flac", "flac"),
    "wav": _Form("audio/wav", "wav", "pcm_s16le"),
    # Without a header nothing says the rate: clients of OpenAI's API play it at this one.
    "pcm": _Form("audio/pcm", "s16le", "pcm_s16le", 24_000),
}


def media_type(form: AudioFormat) -> str:
    return _FORMS[form].media_type


def decode(data: bytes, *, rate: int, most_s: float) -> bytes:
    """The samples of a file: little-endian FP32 from -1 to 1, mono, `rate` a second.

    Raises InvalidInput for a file that is damaged, has no sound, or is longer than `most_s` seconds.
    """
    most = int(most_s * rate)
    samples = bytearray()
    try:
        with av.open(io.BytesIO(data), options=dict(_OPENED_WITH)) as container:
            if not container.streams.audio:
                raise InvalidInput("the file has no sound in it", hint=_TAKEN)
            stream = container.streams.audio[0]
            if not stream.codec_context.name.startswith(_CODECS):
                raise InvalidInput(f"sound as {stream.codec_context.name} is not taken", hint=_TAKEN)
            for frame in _resampled(container.decode(stream), rate):
                samples += bytes(frame.planes[0])[: frame.samples * 4]
                if len(samples) > most * 4:
                    raise InvalidInput(
                        f"the sound is longer than {most_s:g} seconds",
                        hint="cut it into parts, or raise MODELYARD_MAX_AUDIO_SECONDS",
                    )
    except (av.error.FFmpegError, ValueError, EOFError, MemoryError) as error:
        raise InvalidInput("the file cannot be read as sound", hint=_TAKEN) from error
    if not samples:
        raise InvalidInput("the file has no sound in it", hint=_TAKEN)
    return bytes(samples)


def encode(samples: bytes, rate: int, form: AudioFormat) -> bytes:
    """A file of such samples. PCM has no header and 24,000 samples a second, 16 bits each."""
    made = _FORMS[form]
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=made.container) as container:
        stream = container.add_stream(made.codec, rate=made.rate or rate, layout="mono")
        context = stream.codec_context
        context.open()
        resampler = av.AudioResampler(
            format=context.format, layout="mono", rate=context.sample_rate, frame_size=context.frame_size or None
        )
        for frame in _frames(samples, rate):
            for piece in resampler.resample(frame):
                container.mux(stream.encode(piece))
        for piece in resampler.resample(None):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def _resampled(frames: Iterator[Any], rate: int) -> Iterator[Any]:
    # Over 16 bits, which cut off what a lossy codec gives beyond 1, as Whisper was trained on.
    narrow = av.AudioResampler(format="s16", layout="mono", rate=rate)
    wide = av.AudioResampler(format="flt", layout="mono", rate=rate)
    for frame in frames:
        for piece in narrow.resample(frame):
            yield from wide.resample(piece)
    for piece in narrow.resample(None):
        yield from wide.resample(piece)
    yield from wide.resample(None)


def _frames(samples: bytes, rate: int) -> Iterator[Any]:
    for at in range(0, len(samples), _PIECE_BYTES):
        piece = samples[at : at + _PIECE_BYTES]
        frame = av.AudioFrame(format="flt", layout="mono", samples=len(piece) // 4)
        frame.planes[0].update(piece)
        frame.sample_rate = rate
        frame.time_base = Fraction(1, rate)
        frame.pts = at // 4
        yield frame

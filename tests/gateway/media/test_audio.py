"""Samples survive every format that is written, and what is no sound is refused whatever it is."""

from __future__ import annotations

import contextlib
import math
import struct
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.media.audio import AudioFormat, decode, encode
from modelyard.errors import InvalidInput

HZ = 16_000
TONE = struct.pack(f"<{HZ}f", *(0.5 * math.sin(2 * math.pi * 220 * at / HZ) for at in range(HZ)))


@pytest.mark.parametrize("form", [each for each in get_args(AudioFormat) if each != "pcm"])
@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000])
def test_what_is_written_can_be_read(form: AudioFormat, rate: int) -> None:
    read = decode(encode(TONE, rate, form), rate=HZ, most_s=5)
    # Lossy codecs fill up their last frame.
    assert len(read) / 4 / HZ == pytest.approx(HZ / rate, abs=0.15)
    loudest = max(map(abs, struct.unpack(f"<{len(read) // 4}f", read)))
    assert 0.4 < loudest <= 1


def test_pcm_is_bare_samples_at_24_khz() -> None:
    assert len(encode(TONE, HZ, "pcm")) == 2 * 24_000


def test_wav_keeps_16_bits() -> None:
    read = struct.unpack(f"<{HZ}f", decode(encode(TONE, HZ, "wav"), rate=HZ, most_s=5))
    assert read == pytest.approx(struct.unpack(f"<{HZ}f", TONE), abs=1 / 32_000)


def test_too_long_is_refused_before_it_is_all_unfolded() -> None:
    with pytest.raises(InvalidInput, match=r"longer than 0\.5 seconds"):
        decode(encode(TONE, HZ, "flac"), rate=HZ, most_s=0.5)


@pytest.mark.parametrize(
    "playlist",
    [
        b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n%s\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile '%s'\n",
        b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>%s</BaseURL></MPD>',
    ],
)
def test_a_playlist_opens_no_other_file(playlist: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other") / "sound.wav"
    other.write_bytes(encode(TONE, HZ, "wav"))
    with pytest.raises(InvalidInput, match="cannot be read as sound"):
        decode(playlist % str(other).encode(), rate=HZ, most_s=5)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 3000), st.sampled_from(["wav", "mp3", "flac", "opus", "aac"]))
def test_a_damaged_file_is_read_or_refused(noise: bytes, at: int, form: AudioFormat) -> None:
    whole = encode(TONE[:16_000], HZ, form)
    damaged = whole[:at] + noise + whole[at + len(noise) :]
    read = b""
    with contextlib.suppress(InvalidInput):
        read = decode(damaged, rate=HZ, most_s=5)
    assert len(read) % 4 == 0
    assert len(read) <= 5 * HZ * 4

"""Text becomes speech in the real Triton, as transformers would have it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc.aio
import numpy as np
import pytest

from tests.backends.speech.conftest import SpeechClient
from tests.backends.speech.tiny_speech import TEXT, VOICE

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def refusal(speech: SpeechClient, text: str, **parameters: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await speech.speak(text, **parameters)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    return str(refused.value.details())


async def test_the_contract(speech: SpeechClient) -> None:
    config = await speech.config("speaker")
    assert [(each.name, each.optional) for each in config.input] == [("text_input", False), ("parameters", True)]
    assert [(each.name, list(each.dims)) for each in config.output] == [("audio", [-1]), ("sample_rate", [1])]


async def test_the_sound_is_transformers_own(speech: SpeechClient, made: Path) -> None:
    samples, rate = await speech.speak(TEXT, voice=VOICE)
    wanted = np.fromfile(made / "expected.f32", np.float32)
    assert rate == 16_000
    assert len(samples) == len(wanted) > rate / 4
    assert np.abs(samples).max() > 0.01
    # 16-bit weights in 32-bit arithmetic here, 32-bit weights there.
    assert np.corrcoef(samples, wanted)[0, 1] > 0.999


async def test_a_voice_makes_a_difference(speech: SpeechClient) -> None:
    low, _ = await speech.speak(TEXT, voice=VOICE)
    own, _ = await speech.speak(TEXT)
    again, _ = await speech.speak(TEXT, voice="default", speed=1)
    assert not np.array_equal(low, own)
    assert np.array_equal(own, again)


async def test_a_long_text_is_spoken_piece_by_piece(speech: SpeechClient) -> None:
    first, rate = await speech.speak("a" * 100)
    second, _ = await speech.speak("b" * 200)
    both, _ = await speech.speak(f"{'a' * 100}. {'b' * 200}")
    assert np.isfinite(both).all()
    assert len(both) > len(first) + len(second) + 0.1 * rate


async def test_what_cannot_be_honoured_is_refused_by_name(speech: SpeechClient) -> None:
    assert "'voice' must be one of default, low" in await refusal(speech, TEXT, voice="../low")
    assert "'speed'" in await refusal(speech, TEXT, speed=1.5)
    assert "'pitch'" in await refusal(speech, TEXT, pitch=2)
    assert "'text_input'" in await refusal(speech, " ... ")
    assert "MAX_TEXT_CHARS" in await refusal(speech, "word " * 1000)


async def test_a_voice_that_is_none_stops_the_load(speech: SpeechClient, speech_repository: Path) -> None:
    entry = speech_repository / "hoarse"
    (entry / "1" / "voices").mkdir(parents=True)
    for path in (speech_repository / "speaker" / "1").iterdir():
        if path.is_file():
            (entry / "1" / path.name).symlink_to(path)
    (entry / "1" / "voices" / "rough.bin").write_bytes(b"1234")
    (entry / "config.pbtxt").write_text('backend: "openvino_tts"')
    with pytest.raises(grpc.aio.AioRpcError, match=r"rough\.bin is not a voice"):
        await speech.load("hoarse")
    (entry / "1" / "voices" / "rough.bin").unlink()
    (entry / "config.pbtxt").write_text(
        'backend: "openvino_tts"\nparameters { key: "DEFAULT_VOICE" value { string_value: "nobody" } }'
    )
    with pytest.raises(grpc.aio.AioRpcError, match="DEFAULT_VOICE"):
        await speech.load("hoarse")

"""Speech becomes text in the real Triton, as transformers would have it."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from pathlib import Path
from typing import Any

import grpc.aio
import numpy as np
import pytest
import pytest_asyncio

from modelyard.engine.log_lines import LogLine
from modelyard.engine.process import TritonProcess
from tests.backends.speech.conftest import SpeechClient, engines_below, lives, transcript_of
from tests.backends.speech.tiny_speech import SECONDS
from tests.converters.speech_checkpoints import RATE, samples

pytestmark = pytest.mark.asyncio(loop_scope="session")
STEERED = list(itertools.product(("de", "fr", None), ("transcribe", "translate")))


async def refusal(speech: SpeechClient, audio: Any, model: str = "whisper", **parameters: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await speech.hear(audio, model, **parameters)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    return str(refused.value.details())


async def test_the_contract(speech: SpeechClient) -> None:
    config = await speech.config("whisper")
    assert [(each.name, list(each.dims), each.optional) for each in config.input] == [
        ("audio", [-1], False),
        ("parameters", [1], True),
    ]
    assert [each.name for each in config.output] == ["text", "language", "segments"]
    assert not config.model_transaction_policy.decoupled


@pytest.mark.parametrize(("language", "task"), STEERED)
async def test_the_text_is_transformers_own(
    speech: SpeechClient, expected: dict[str, Any], language: str | None, task: str
) -> None:
    heard = await speech.hear(samples(SECONDS), language=language, task=task)
    assert heard["text"] == expected["whisper"][f"{language} {task}"]
    assert heard["language"] == (language or "en")
    assert heard["segments"] == []


async def test_an_english_only_model(speech: SpeechClient, expected: dict[str, Any]) -> None:
    heard = await speech.hear(samples(SECONDS), "whisper-en")
    assert heard["text"] == expected["whisper-en"]["None transcribe"]
    assert heard["language"] == "en"
    assert await speech.hear(samples(SECONDS), "whisper-en", language="en") == heard
    assert "'task'" in await refusal(speech, samples(SECONDS), "whisper-en", task="translate")
    assert "English only" in await refusal(speech, samples(SECONDS), "whisper-en", language="de")
    assert "alignment heads" in await refusal(speech, samples(SECONDS), "whisper-en", timestamps="word")


async def test_segments_lie_in_the_audio_and_make_the_text(speech: SpeechClient) -> None:
    heard = await speech.hear(samples(70.0), timestamps="segment")
    segments = heard["segments"]
    assert len(segments) > 1
    assert "".join(each["text"] for each in segments).strip() == heard["text"]
    assert all(0 <= each["start"] <= each["end"] <= 70 for each in segments)
    starts = [each["start"] for each in segments]
    assert starts == sorted(starts)


@pytest.mark.parametrize("seconds", [0.1, 3.0, 29.999, 30.005, 30.01])
async def test_words_have_times(speech: SpeechClient, seconds: float) -> None:
    heard = await speech.hear(samples(seconds), timestamps="word")
    words = heard["segments"]
    assert len(words) > 1
    assert all(0 <= each["start"] <= each["end"] <= seconds for each in words)
    if seconds < 30:
        assert "".join(each["text"] for each in words).strip() == heard["text"]


async def test_a_prompt_steers_and_a_long_one_is_cut_from_the_front(speech: SpeechClient) -> None:
    plain = await speech.hear(samples(SECONDS))
    prompted = await speech.hear(samples(SECONDS), initial_prompt="boats came in")
    assert prompted["text"] != plain["text"]
    long = "nothing of this is left " * 40 + "The boats came in at dawn. " * 8
    longer = "and of this even less " * 500 + long
    assert await speech.hear(samples(SECONDS), initial_prompt=longer) == await speech.hear(
        samples(SECONDS), initial_prompt=long
    )


async def test_what_cannot_be_honoured_is_refused_by_name(speech: SpeechClient) -> None:
    audio = samples(SECONDS)
    wrong: list[dict[str, Any]] = [
        {"beam_size": 5},
        {"language": "tlh"},
        {"language": 7},
        {"task": "sing"},
        {"timestamps": "letter"},
        {"initial_prompt": ["a"]},
        {"temperature": 0.4},
    ]
    for parameters in wrong:
        (name,) = parameters
        sentence = await refusal(speech, audio, **parameters)
        assert sentence.startswith("[INVALID_ARG] "), sentence
        assert f"'{name}'" in sentence
    assert (await speech.hear(audio, temperature=0, language=None))["language"] == "en"


@pytest.mark.parametrize(
    ("audio", "word"),
    [
        ([], "0.1 seconds"),
        ([0.1] * 1000, "0.1 seconds"),
        ([float("nan")] * RATE, "not numbers"),
        ([float("inf")] * RATE, "not numbers"),
        ([12_000.0] * RATE, "between -1 and 1"),
    ],
    ids=["empty", "short", "nan", "inf", "integers"],
)
async def test_audio_that_is_none_is_refused(speech: SpeechClient, audio: Any, word: str) -> None:
    sentence = await refusal(speech, audio)
    assert "'audio'" in sentence
    assert word in sentence


async def test_silence_is_no_error(speech: SpeechClient) -> None:
    assert (await speech.hear([0.0] * RATE, timestamps="word"))["language"] == "en"


async def test_requests_at_once_get_their_own_answers(speech: SpeechClient) -> None:
    pitches = (150.0, 220.0, 500.0, 150.0)
    alone = [await speech.hear(samples(2.0, pitch=pitch)) for pitch in pitches]
    assert await asyncio.gather(*(speech.hear(samples(2.0, pitch=pitch)) for pitch in pitches)) == alone
    assert len({each["text"] for each in alone}) == 3


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def narrow(speech: SpeechClient, speech_repository: Path) -> str:
    """An entry with one place in its queue and one thread."""
    entry = speech_repository / "narrow"
    entry.mkdir()
    (entry / "1").symlink_to(speech_repository / "whisper" / "1")
    settings = {"MAX_QUEUE_SIZE": "1", "INFERENCE_NUM_THREADS": "1"}
    lines = [f'parameters {{ key: "{key}" value {{ string_value: "{value}" }} }}' for key, value in settings.items()]
    (entry / "config.pbtxt").write_text("\n".join(['backend: "openvino_whisper"', *lines]))
    await speech.load("narrow")
    return "narrow"


async def test_a_full_queue_refuses_what_comes_on_top(speech: SpeechClient, narrow: str) -> None:
    # Ten minutes take the model some seconds, and all six requests arrive within one.
    long = transcript_of(np.tile(np.array(samples(60.0), np.float32), 10), narrow)
    outcomes = await asyncio.gather(*(_outcome(speech.stub.ModelInfer(long)) for _ in range(6)))
    refused = [details for code, details in outcomes if code == grpc.StatusCode.UNAVAILABLE]
    assert 1 <= len(refused) <= 4
    assert all(each.startswith("[UNAVAILABLE] 1 requests are waiting") for each in refused)
    assert {code for code, _ in outcomes} == {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}


async def test_a_caller_that_hangs_up_holds_nobody_up(speech: SpeechClient, narrow: str) -> None:
    running = speech.stub.ModelInfer(transcript_of(np.tile(np.array(samples(60.0), np.float32), 10), narrow))
    await asyncio.sleep(1)
    running.cancel()
    assert (await speech.hear(samples(SECONDS), narrow))["language"] == "en"


async def _outcome(call: Any) -> tuple[Any, str]:
    return await call.code(), str(await call.details())


async def test_an_engine_that_died_is_started_again(
    speech: SpeechClient, speech_triton: TritonProcess, speech_log: list[LogLine]
) -> None:
    before = await speech.hear(samples(SECONDS))
    dying = engines_below(speech_triton.pid)
    assert len(dying) >= 2  # one for each model that is loaded
    for process in dying:
        os.kill(process, signal.SIGSEGV)
    while any(map(lives, dying)):  # noqa: ASYNC110 - a process tells nobody of its end
        await asyncio.sleep(0.05)
    assert await speech.hear(samples(SECONDS)) == before
    assert (await speech.hear(samples(SECONDS), "whisper-en"))["language"] == "en"
    assert any("is started again" in line.text for line in speech_log)


async def test_a_damaged_entry_says_so(speech: SpeechClient, speech_repository: Path) -> None:
    entry = speech_repository / "broken"
    (entry / "1").mkdir(parents=True)
    (entry / "config.pbtxt").write_text('backend: "openvino_whisper"')
    with pytest.raises(grpc.aio.AioRpcError, match=r"generation_config\.json"):
        await speech.load("broken")
    for path in (speech_repository / "whisper" / "1").iterdir():
        if path.name != "openvino_encoder_model.bin":
            (entry / "1" / path.name).symlink_to(path)
    (entry / "1" / "openvino_encoder_model.bin").write_bytes(b"")
    with pytest.raises(grpc.aio.AioRpcError, match="load"):
        await speech.load("broken")
    (entry / "config.pbtxt").write_text(
        'backend: "openvino_whisper"\nparameters { key: "MAX_AUDIO_SECONDS" value { string_value: "long" } }'
    )
    with pytest.raises(grpc.aio.AioRpcError, match="MAX_AUDIO_SECONDS"):
        await speech.load("broken")

"""What a request for a transcript may ask for, without a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.common.failures import Refused
from backends.common.settings import BadSetting, Parameters
from backends.openvino_whisper.abilities import Abilities, read_abilities
from backends.openvino_whisper.settings import read_settings
from backends.openvino_whisper.speech_request import RATE, SpeechRequest, read_request

ALL = Abilities(languages=frozenset({"en", "de", "yue"}), translates=True, times_words=True)
anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(), lambda inner: st.lists(inner), max_leaves=4
)


def read(audio: Any = None, *, abilities: Abilities = ALL, max_seconds: int = 2, **parameters: Any) -> SpeechRequest:
    arrays = {
        "audio": np.zeros(RATE, np.float32) if audio is None else np.asarray(audio, np.float32),
        "parameters": np.array([json.dumps(parameters).encode()], np.object_),
    }
    return read_request(arrays.get, abilities, max_seconds=max_seconds)


def test_everything_is_taken_on() -> None:
    request = read(language="<|DE|>", task="translate", timestamps="word", initial_prompt=" Boats ", temperature=0.0)
    assert request == SpeechRequest(bytes(4 * RATE), "de", "translate", "word", "Boats")


def test_nulls_are_as_good_as_nothing() -> None:
    names = ("language", "task", "timestamps", "initial_prompt", "temperature")
    assert read(**dict.fromkeys(names)) == read() == SpeechRequest(bytes(4 * RATE))


def test_audio_that_is_too_long_names_the_setting() -> None:
    assert len(read(np.zeros(2 * RATE)).audio) == 8 * RATE
    with pytest.raises(Refused, match="MAX_AUDIO_SECONDS"):
        read(np.zeros(2 * RATE + 1))


def test_a_little_too_loud_is_no_matter() -> None:
    assert read(np.full(RATE, 1.05)).audio
    with pytest.raises(Refused, match="between -1 and 1"):
        read(np.full(RATE, -300.0))


@given(st.dictionaries(st.sampled_from(["language", "task", "timestamps", "initial_prompt", "temperature"]), anything))
def test_whatever_comes_is_taken_or_refused_by_name(parameters: dict[str, Any]) -> None:
    why, request = "", None
    try:
        request = read(**parameters)
    except Refused as refusal:
        why = str(refusal)
    assert request is None or request.language in {None, *ALL.languages}
    assert request is not None or any(f"'{name}'" in why for name in parameters)


def test_abilities_are_read_from_the_model(tmp_path: Path) -> None:
    path = tmp_path / "generation_config.json"
    path.write_text(
        json.dumps(
            {
                "is_multilingual": True,
                "lang_to_id": {"<|en|>": 5, "<|de|>": 6},
                "task_to_id": {"transcribe": 7, "translate": 8},
                "alignment_heads": [[0, 1]],
            }
        )
    )
    assert read_abilities(tmp_path) == Abilities(frozenset({"en", "de"}), translates=True, times_words=True)
    path.write_text("{}")
    assert not read_abilities(tmp_path).multilingual
    for wrong in ("[]", "{", '{"is_multilingual": true}', '{"is_multilingual": true, "lang_to_id": 3}'):
        path.write_text(wrong)
        with pytest.raises(BadSetting, match=r"generation_config\.json"):
            read_abilities(tmp_path)


def test_settings() -> None:
    settings = read_settings(
        Parameters({"DEVICE": "gpu.1", "INFERENCE_NUM_THREADS": "3", "PLUGIN_CONFIG": '{"CACHE_DIR": "x"}'})
    )
    assert settings.device == "GPU.1"
    assert settings.properties == {"INFERENCE_NUM_THREADS": 3, "CACHE_DIR": "x"}
    with pytest.raises(BadSetting, match="WORD_TIMESTAMPS"):
        read_settings(Parameters({"WORD_TIMESTAMPS": "perhaps"}))

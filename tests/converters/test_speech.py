"""Speech checkpoints become entries, or a sentence says why not; that they are served is tested with the backends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from converters.convert import convert
from converters.exporters.openvino_speech import refusal
from converters.plan import ConversionPlan, Wishes, plan_conversion
from converters.source import open_checkpoint
from modelyard.entry import entry_at
from modelyard.errors import BadCheckpoint, ModelyardError
from modelyard.manifest import Fidelity
from tests.converters.checkpoints import edit_json
from tests.converters.speech_checkpoints import LANGUAGES, write_speecht5, write_vocoder, write_voice, write_whisper


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_whisper(tmp_path_factory.mktemp("checkpoints") / "whisper")


def plan_for(folder: Path, repository: Path, **wishes: Any) -> ConversionPlan:
    return plan_conversion(open_checkpoint(str(folder)), repository=repository, wishes=Wishes(**wishes))


def made(folder: Path, repository: Path, **wishes: Any) -> Path:
    """The version folder of the entry."""
    plan = plan_for(folder, repository, **wishes)
    convert(plan, on_step=lambda step: None)
    return entry_at(repository, plan.name).version_folder


def bits(network: Path) -> set[str]:
    """The number types of a network's weights."""
    import openvino as ov

    operations = ov.Core().read_model(network).get_ops()
    return {each.get_element_type().get_type_name() for each in operations if each.get_type_name() == "Constant"}


@pytest.mark.parametrize(("precision", "kind"), [("int8", "u8"), ("int4", "u4")])
def test_weights_take_the_bits_that_were_asked_for(whisper: Path, tmp_path: Path, precision: str, kind: str) -> None:
    folder = made(whisper, tmp_path, precision=precision)
    assert kind in bits(folder / "openvino_encoder_model.xml")
    assert kind in bits(folder / "openvino_decoder_model.xml")
    manifest = json.loads((folder.parent / "manifest.json").read_text())
    found = Fidelity(**manifest["fidelity"])
    assert found.tokenizer_agrees
    assert found.agreement > 0.5
    assert found.kl_divergence > 0
    assert manifest["task"] == "automatic-speech-recognition"


def test_what_steers_whisper_is_kept_whole(whisper: Path, tmp_path: Path) -> None:
    folder = made(whisper, tmp_path, precision="fp16")
    kept = json.loads((folder / "generation_config.json").read_text())
    assert kept == json.loads((whisper / "generation_config.json").read_text())
    assert {*kept} > {"alignment_heads", "lang_to_id", "task_to_id", "no_timestamps_token_id", "suppress_tokens"}


def test_an_older_checkpoint_gets_what_it_does_not_say(whisper: Path, tmp_path: Path) -> None:
    from converters.whisper_checkpoint import write_generation_config

    whole = json.loads((whisper / "generation_config.json").read_text())
    older = write_whisper(tmp_path / "older")
    edit_json(older / "config.json", vocab_size=51_865, suppress_tokens=[1, 2])
    (older / "generation_config.json").unlink()
    write_generation_config(open_checkpoint(str(older)), tmp_path)
    written = json.loads((tmp_path / "generation_config.json").read_text())
    assert written["is_multilingual"] is True
    assert {*written["lang_to_id"]} == {f"<|{name}|>" for name in LANGUAGES}
    assert written["suppress_tokens"] == [1, 2]
    for name in ("lang_to_id", "task_to_id", "no_timestamps_token_id", "prev_sot_token_id", "decoder_start_token_id"):
        assert written[name] == whole[name]
    edit_json(older / "tokenizer.json", added_tokens=[])
    with pytest.raises(BadCheckpoint, match="which tokens choose the language"):
        write_generation_config(open_checkpoint(str(older)), tmp_path)


def test_a_speaker_with_its_vocoder_and_voices(tmp_path: Path) -> None:
    speaker, vocoder = write_speecht5(tmp_path / "speaker"), write_vocoder(tmp_path / "vocoder")
    repository = tmp_path / "repository"
    with pytest.raises(BadCheckpoint, match="needs a vocoder") as refused:
        made(speaker, repository, precision="int8")
    assert "--vocoder" in refused.value.hint
    voice = write_voice(speaker / "voices", "low", pitch=0.3)
    folder = made(speaker, repository, precision="int8", companions={"vocoder": vocoder})
    assert (folder / "voices" / "low.bin").read_bytes() == voice.read_bytes()
    assert "u8" in bits(folder / "openvino_decoder_model.xml")
    assert "u8" not in bits(folder / "openvino_vocoder.xml")
    (speaker / "voices" / "hoarse.bin").write_bytes(b"1234")
    with pytest.raises(BadCheckpoint, match=r"hoarse\.bin is not a voice"):
        made(speaker, repository, name="again", companions={"vocoder": vocoder})
    assert not entry_at(repository, "again").folder.exists()


def test_a_precision_that_looks_at_texts_is_refused(whisper: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelyardError, match="int4-awq"):
        made(whisper, tmp_path, precision="int4-awq")


def test_other_speech_models_are_refused_with_one_that_works(whisper: Path, tmp_path: Path) -> None:
    assert refusal(open_checkpoint(str(whisper))) is None
    for config, word in (({"model_type": "kokoro"}, "speecht5"), ({"istftnet": {}}, "speecht5"), ({}, "whisper")):
        (tmp_path / "config.json").write_text(json.dumps(config))
        assert word in str(refusal(open_checkpoint(str(tmp_path))))

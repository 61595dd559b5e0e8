"""Every reason to refuse a checkpoint is found before work begins, by name, and all at once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from converters.plan import plan_conversion
from converters.source import open_checkpoint
from modelyard import errors, host
from tests.converters.checkpoints import edit_json, write_adapter, write_checkpoint
from tests.converters.conftest import plan_for


@pytest.fixture
def copy(checkpoint: Path, tmp_path: Path) -> Path:
    """A checkpoint that a test may spoil."""
    return Path(shutil.copytree(checkpoint, tmp_path / "spoiled"))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return tmp_path / "repository"


def test_a_good_checkpoint_gives_a_complete_plan(checkpoint: Path, repository: Path) -> None:
    plan = plan_for(checkpoint, repository)
    assert plan.name == "tiny-qwen2"
    assert (plan.architecture, plan.parameters, plan.context_length) == ("Qwen2ForCausalLM", 127552, 512)
    assert plan.precision == "int8"
    assert "below 1 B parameters" in plan.precision_reason
    assert not repository.exists()


def test_no_config(copy: Path, repository: Path) -> None:
    (copy / "config.json").unlink()
    with pytest.raises(errors.ConfigMissing, match=r"no config\.json in .*spoiled"):
        plan_for(copy, repository)


@pytest.mark.parametrize("content", ["", "[1, 2]", '{"model_type": "qwen2"', "\x00"])
def test_a_config_that_is_none(content: str, copy: Path, repository: Path) -> None:
    (copy / "config.json").write_text(content)
    with pytest.raises(errors.BadCheckpoint, match="not a JSON object"):
        plan_for(copy, repository)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "wibble", "architectures": ["WibbleForCausalLM"]}, "WibbleForCausalLM"),
        ({"model_type": "t5", "architectures": ["T5ForConditionalGeneration"]}, "T5ForConditionalGeneration"),
        ({"model_type": "bart", "architectures": ["BartForCausalLM"], "is_encoder_decoder": True}, "BartForCausalLM"),
        ({"model_type": "deepseek_v3", "architectures": ["DeepseekV3ForCausalLM"]}, "DeepseekV3ForCausalLM"),
        ({"model_type": None}, "Qwen2ForCausalLM"),
    ],
)
def test_an_architecture_that_cannot_be_exported(
    changes: dict[str, object], words: str, copy: Path, repository: Path
) -> None:
    edit_json(copy / "config.json", **changes)
    with pytest.raises(errors.BadCheckpoint, match=words) as refused:
        plan_for(copy, repository)
    assert refused.value.hint


def test_code_of_the_checkpoint_needs_the_users_word(copy: Path, repository: Path) -> None:
    edit_json(
        copy / "config.json",
        model_type="own",
        architectures=["OwnForCausalLM"],
        auto_map={"AutoModelForCausalLM": "modeling_own.OwnForCausalLM"},
    )
    with pytest.raises(errors.UnknownArchitecture) as refused:
        plan_for(copy, repository)
    assert "--trust-remote-code" in refused.value.hint
    assert plan_for(copy, repository, trust_remote_code=True).settings["trust_remote_code"] is True


def test_weights_that_are_quantized_already(copy: Path, repository: Path) -> None:
    edit_json(copy / "config.json", quantization_config={"quant_method": "gptq", "bits": 4})
    with pytest.raises(errors.BadCheckpoint, match=r"quantized already \(gptq\)"):
        plan_for(copy, repository)


@pytest.mark.parametrize("keep", [0, 5, 8, 700, 100_000, -1])
def test_truncated_weights(keep: int, copy: Path, repository: Path) -> None:
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:keep])
    with pytest.raises(errors.WeightsDamaged, match=r"model\.safetensors"):
        plan_for(copy, repository)


@pytest.mark.parametrize(
    "header", [b"{}[", b"[]", b'{"w": 1}', b'{"w": {"shape": [1], "dtype": "F32"}}', b"[" * 50_000, b"\xff" * 90]
)
def test_malformed_weights(header: bytes, copy: Path, repository: Path) -> None:
    (copy / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(errors.WeightsDamaged):
        plan_for(copy, repository)


def test_no_weights(copy: Path, repository: Path) -> None:
    (copy / "model.safetensors").unlink()
    with pytest.raises(errors.WeightsDamaged, match=r"no model\.safetensors"):
        plan_for(copy, repository)


def test_shards_are_checked_one_by_one(tmp_path: Path, repository: Path) -> None:
    folder = write_checkpoint(tmp_path / "sharded", shard_size="200KB")
    shards = sorted(folder.glob("model-*.safetensors"))
    assert len(shards) > 2
    assert plan_for(folder, repository).parameters == 127552
    shards[0].unlink()
    shards[1].write_bytes(shards[1].read_bytes()[:-7])
    with pytest.raises(errors.ConversionRefused) as refused:
        plan_for(folder, repository)
    assert [shards[0].name in str(refused.value), shards[1].name in str(refused.value)] == [True, True]


def test_an_index_cannot_reach_out_of_the_checkpoint(tmp_path: Path, repository: Path) -> None:
    folder = write_checkpoint(tmp_path / "sharded", shard_size="200KB")
    index = folder / "model.safetensors.index.json"
    content = json.loads(index.read_text())
    content["weight_map"]["lm_head.weight"] = "../../secret.safetensors"
    index.write_text(json.dumps(content))
    with pytest.raises(errors.WeightsDamaged, match="outside of the checkpoint"):
        plan_for(folder, repository)


@pytest.mark.parametrize("broken", [None, "", "{}", '{"added_tokens": []}'])
def test_no_tokenizer(broken: str | None, copy: Path, repository: Path) -> None:
    (copy / "tokenizer.json").unlink()
    if broken is not None:
        (copy / "tokenizer.json").write_text(broken)
    with pytest.raises(errors.TokenizerMissing, match="no usable tokenizer"):
        plan_for(copy, repository)


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "..", "/etc", "a" * 129, "a b", "a\n", "ü", "-x"])
def test_a_name_that_would_escape_the_repository(name: str, checkpoint: Path, repository: Path) -> None:
    with pytest.raises(errors.BadEntryName):
        plan_for(checkpoint, repository, name=name)


@pytest.mark.parametrize("precision", ["int4", "int8"])
def test_an_npu_runs_symmetric_weights_only(precision: str, checkpoint: Path, repository: Path) -> None:
    with pytest.raises(errors.FieldRefused, match="an NPU runs int4-cw or fp16"):
        plan_for(checkpoint, repository, precision=precision, device="NPU")


def test_the_default_precision_follows_size_and_device(checkpoint: Path, repository: Path) -> None:
    assert plan_for(checkpoint, repository, device="NPU").precision == "int4-cw"
    assert plan_for(checkpoint, repository, device="GPU").precision == "int8"
    assert plan_for(checkpoint, repository, precision="int4").precision_reason == ""


def test_too_little_disk_or_memory(checkpoint: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "free_disk", lambda folder: 1000)
    with pytest.raises(errors.NotEnoughDisk, match="of free disk"):
        plan_for(checkpoint, repository)
    monkeypatch.setattr(host, "free_disk", lambda folder: 10**12)
    monkeypatch.setattr(host, "free_memory", lambda: 2**20)
    with pytest.raises(errors.NotEnoughMemory, match="of memory"):
        plan_for(checkpoint, repository)


def test_all_reasons_come_at_once(copy: Path, repository: Path) -> None:
    edit_json(copy / "config.json", model_type="wibble", architectures=["WibbleForCausalLM"])
    (copy / "model.safetensors").write_bytes(b"short")
    (copy / "tokenizer.json").unlink()
    with pytest.raises(errors.ConversionRefused) as refused:
        plan_for(copy, repository, name="../out", precision="int4", device="NPU")
    assert {type(reason) for reason in refused.value.reasons} == {
        errors.BadEntryName,
        errors.UnknownArchitecture,
        errors.WeightsDamaged,
        errors.TokenizerMissing,
        errors.FieldRefused,
    }
    for reason in refused.value.reasons:
        assert str(reason) in str(refused.value)


def test_a_plan_without_exporter_needs_no_pytorch(checkpoint: Path, repository: Path) -> None:
    plan = plan_conversion(open_checkpoint(str(checkpoint)), repository=repository)
    assert plan.precision == "int8"


def test_what_is_beside_the_source_counts_by_its_contents(checkpoint: Path, repository: Path, tmp_path: Path) -> None:
    write_adapter(tmp_path / "first", checkpoint, seed=1, alpha=16)
    vocoder, text = tmp_path / "vocoder", tmp_path / "text.txt"
    vocoder.mkdir()
    (vocoder / "config.json").write_text("{}")
    (vocoder / "model.safetensors").write_bytes(b"one")
    text.write_text("one")

    def settings(adapter: str = "first") -> dict[str, Any]:
        beside: dict[str, Any] = {"companions": {"vocoder": vocoder}, "calibration": text}
        return plan_for(checkpoint, repository, adapters={"one": tmp_path / adapter}, **beside).settings

    before = settings()
    shutil.copytree(tmp_path / "first", tmp_path / "elsewhere")
    assert settings("elsewhere") == before
    edit_json(tmp_path / "first" / "adapter_config.json", lora_alpha=8)
    (vocoder / "model.safetensors").write_bytes(b"two")
    text.write_text("two")
    after = settings()
    assert {name for name in before if before[name] != after[name]} == {"adapters", "companions", "calibration"}


def test_a_calibration_text_that_is_not_there(checkpoint: Path, repository: Path, tmp_path: Path) -> None:
    with pytest.raises(errors.FieldRefused, match=r"--calibration.*no text file"):
        plan_for(checkpoint, repository, precision="int4-awq", calibration=tmp_path / "absent.txt")

"""Vision-language checkpoints become entries; that they are served is tested with the backends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from converters.convert import convert
from converters.exporters.openvino_vision import refusal
from converters.plan import Wishes, plan_conversion
from converters.source import open_checkpoint
from modelyard.card import IMAGE_TEXT_TO_TEXT
from modelyard.entry import entry_at
from modelyard.errors import ModelyardError
from tests.converters.vision_checkpoints import write_vision


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_vision(tmp_path_factory.mktemp("checkpoints") / "seeing", "qwen2_vl")


def bits(network: Path) -> set[str]:
    """The number types of a network's weights."""
    import openvino as ov

    operations = ov.Core().read_model(network).get_ops()
    return {each.get_element_type().get_type_name() for each in operations if each.get_type_name() == "Constant"}


def test_language_in_4_bits_and_sight_in_8(checkpoint: Path, tmp_path: Path) -> None:
    plan = plan_conversion(open_checkpoint(str(checkpoint)), repository=tmp_path, wishes=Wishes(precision="int4"))
    assert plan.task == IMAGE_TEXT_TO_TEXT
    steps: list[str] = []
    manifest = convert(plan, on_step=steps.append).manifest
    assert {"export", "compress", "measure", "publish"} <= set(steps)
    folder = entry_at(tmp_path, plan.name).version_folder
    assert "u4" in bits(folder / "openvino_language_model.xml")
    networks = {path.stem for path in folder.glob("openvino_*.xml")}
    seeing = {name for name in networks if "vision" in name or "text_embeddings" in name}
    assert len(seeing) == 3
    for name in seeing:
        kinds = bits(folder / f"{name}.xml")
        assert "u8" in kinds or name == "openvino_vision_embeddings_model"  # that one is a convolution, which stays
        assert "u4" not in kinds
    assert (folder / "preprocessor_config.json").is_file()
    assert json.loads((folder / "generation_config.json").read_text())["eos_token_id"] == [2, 0]
    assert manifest.fidelity is not None
    assert 0.3 < manifest.fidelity.agreement < 1  # type: ignore[union-attr]
    assert manifest.fidelity.tokenizer_agrees  # type: ignore[union-attr]


def test_a_precision_that_looks_at_texts_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    plan = plan_conversion(open_checkpoint(str(checkpoint)), repository=tmp_path, wishes=Wishes(precision="int4-awq"))
    with pytest.raises(ModelyardError, match="int4-awq"):
        convert(plan, on_step=lambda step: None)
    assert not entry_at(tmp_path, plan.name).folder.exists()


def test_families_without_a_pipeline_are_refused_with_what_works(checkpoint: Path, tmp_path: Path) -> None:
    assert refusal(open_checkpoint(str(checkpoint))) is None
    (tmp_path / "config.json").write_text('{"model_type": "idefics3", "vision_config": {}}')
    sentence = str(refusal(open_checkpoint(str(tmp_path))))
    assert "'idefics3'" in sentence
    assert "qwen2_vl" in sentence
    assert "triton-vllm" in sentence

"""A checkpoint becomes an entry that says where it came from and generates what the original generates."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from converters.entry_config import EntryConfig, read_message
from converters.precision import PRECISIONS, Precision
from modelyard.entry import Entry, entries_in, entry_at, staging_root
from modelyard.errors import EntryExists
from modelyard.manifest import read_manifest, sha256_of
from tests.converters.checkpoints import TEMPLATE, edit_json, write_checkpoint
from tests.converters.conftest import Convert, carry_out

VERSION_FILES = {
    "openvino_model.xml",
    "openvino_model.bin",
    "openvino_tokenizer.xml",
    "openvino_tokenizer.bin",
    "openvino_detokenizer.xml",
    "openvino_detokenizer.bin",
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
}


def generate(entry: Entry, prompt: str, tokens: int) -> list[int]:
    """Greedy tokens of OpenVINO GenAI, in 32 bits as the original."""
    import numpy as np
    import openvino as ov
    import openvino_genai

    pipeline = openvino_genai.LLMPipeline(str(entry.version_folder), "CPU", INFERENCE_PRECISION_HINT="f32")
    ids = pipeline.get_tokenizer().encode(prompt, add_special_tokens=False).input_ids
    config = pipeline.get_generation_config()
    config.do_sample, config.max_new_tokens, config.ignore_eos = False, tokens, True
    answer = pipeline.generate(ov.Tensor(np.array(ids.data)), config)
    return list(answer.tokens[0])


def original_tokens(folder: Path, prompt: str, tokens: int) -> list[int]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False)["input_ids"]
    for _ in range(tokens):
        ids = torch.cat([ids, model(ids).logits[:, -1:].argmax(-1)], dim=1)
    return ids[0, -tokens:].tolist()


def test_an_entry_has_all_that_triton_and_the_gateway_need(converted: Convert) -> None:
    entry = converted("fp16")
    assert {path.name for path in entry.folder.iterdir()} == {"1", "config.pbtxt", "manifest.json"}
    assert {path.name for path in entry.version_folder.iterdir()} == VERSION_FILES


def test_the_manifest_tells_where_it_came_from_and_how_it_was_made(converted: Convert, checkpoint: Path) -> None:
    manifest = read_manifest(converted("int8"))
    assert manifest is not None
    assert (manifest.source.kind, manifest.source.location) == ("folder", str(checkpoint))
    assert manifest.source.revision.startswith("sha256:")
    assert manifest.architecture == "Qwen2ForCausalLM"
    assert manifest.parameters == 127552
    assert (manifest.context_length, manifest.precision, manifest.device) == (512, "int8", "CPU")
    assert {"openvino", "optimum-intel", "nncf", "transformers", "torch"} <= set(manifest.tools)


def test_the_manifest_has_the_true_hash_of_every_file(converted: Convert) -> None:
    entry = converted("int8")
    manifest = read_manifest(entry)
    assert manifest is not None
    on_disk = {path for path in entry.folder.rglob("*") if path.is_file()} - {entry.manifest}
    assert {str(path.relative_to(entry.folder)) for path in on_disk} == set(manifest.files)
    for name, record in manifest.files.items():
        content = (entry.folder / name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (record.size, record.sha256)


def test_nothing_but_the_source_says_where_the_user_keeps_his_files(converted: Convert, checkpoint: Path) -> None:
    entry = converted("int8")
    for path in entry.folder.rglob("*"):
        if path.is_file() and path != entry.manifest:
            content = path.read_bytes()
            assert str(checkpoint.parent).encode() not in content
            assert str(entry.folder.parent.parent).encode() not in content


def test_the_config_is_tritons_own_and_carries_the_card(converted: Convert) -> None:
    text = converted("fp16").config.read_text(encoding="utf-8")
    assert text.startswith("max_batch_size: 0\n")
    message = read_message(text)
    assert (message.backend, message.name, message.max_batch_size) == ("openvino_genai", "", 0)
    assert message.model_transaction_policy.decoupled
    assert [(group.count, group.kind) for group in message.instance_group] == [(1, 2)]  # KIND_CPU
    config = EntryConfig.from_text(text)
    assert config.parameters == {
        "DEVICE": "CPU",
        # Tiny models compute in 32 bits, so that an answer with a seed is the same in every company.
        "INFERENCE_PRECISION_HINT": "f32",
        "KV_CACHE_PRECISION": "f32",
        "INFERENCE_NUM_THREADS": "1",
    }
    assert config.card.chat_template == TEMPLATE
    assert config.card.context_length == 512
    assert config.card.special_tokens == {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    assert config.card.generation_defaults == {"temperature": 0.7}
    assert config.card.created > 1_700_000_000
    assert EntryConfig.from_text(config.to_text()) == config


@pytest.mark.parametrize("family", ["qwen2", "llama"])
def test_openvino_genai_generates_what_the_original_generates(
    family: str, converted: Convert, checkpoint: Path, tmp_path: Path
) -> None:
    if family == "llama":
        checkpoint = write_checkpoint(tmp_path / "llama", "llama")
        carry_out(checkpoint, tmp_path / "repository", precision="fp16")
        entry = entry_at(tmp_path / "repository", "llama")
    else:
        entry = converted("fp16")
    prompt = "The harbour was quiet before dawn, and"
    assert generate(entry, prompt, 24) == original_tokens(checkpoint, prompt, 24)


def pickled(checkpoint: Path, folder: Path) -> Path:
    """The checkpoint with its weights as PyTorch saves them."""
    import torch
    from safetensors.torch import load_file

    shutil.copytree(checkpoint, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    torch.save(load_file(checkpoint / "model.safetensors"), folder / "pytorch_model.bin")
    return folder


@pytest.mark.parametrize("form", ["in shards", "pickled"])
def test_weights_of_another_form_make_the_same_model(
    form: str, converted: Convert, checkpoint: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "form"
    if form == "pickled":
        pickled(checkpoint, folder)
    else:
        write_checkpoint(folder, shard_size="200KB")
        assert len(list(folder.glob("model-*.safetensors"))) > 1
    made = carry_out(folder, tmp_path / "repository", precision="fp16").manifest
    whole = read_manifest(converted("fp16"))
    assert whole is not None
    assert made.parameters == whole.parameters
    assert made.files["1/openvino_model.bin"] == whole.files["1/openvino_model.bin"]
    prompt = "The harbour was quiet before dawn, and"
    entry = entry_at(tmp_path / "repository", "form")
    assert generate(entry, prompt, 12) == original_tokens(checkpoint, prompt, 12)


def test_a_text_of_one_s_own_shows_what_activations_look_like(
    converted: Convert, checkpoint: Path, tmp_path: Path
) -> None:
    text = tmp_path / "own.txt"
    text.write_text("SELECT name, price FROM goods WHERE price < 20 ORDER BY price;\n" * 20)
    made = carry_out(checkpoint, tmp_path / "repository", name="own", precision="int4-awq", calibration=text).manifest
    with_ours = read_manifest(converted("int4-awq"))
    assert with_ours is not None
    assert made.settings["calibration"] == f"sha256:{sha256_of(text)}"
    assert {**made.settings, "calibration": None} == {**with_ours.settings, "calibration": None}
    # Everything else is equal, and the same again makes the same weights: it is the text that moved them.
    assert made.files["1/openvino_model.bin"] != with_ours.files["1/openvino_model.bin"]
    assert len(generate(entry_at(tmp_path / "repository", "own"), "A model", 4)) == 4


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_precision_is_measured_against_the_original(precision: Precision, converted: Convert) -> None:
    entry = converted(precision)
    manifest = read_manifest(entry)
    assert manifest is not None
    assert manifest.precision == precision
    measured = manifest.fidelity
    assert measured is not None
    assert measured.reference == "float32"
    assert measured.tokenizer_agrees
    assert measured.positions > 300
    if precision == "fp16":
        assert (measured.agreement, measured.kl_divergence) == (1.0, pytest.approx(0, abs=1e-4))
    else:
        assert 0 < measured.agreement <= 1
        assert measured.kl_divergence > 0
    # Random weights suffer more than trained ones; what counts is that 8 bits are far truer than 4, and do generate.
    if precision == "int8":
        assert measured.agreement > 0.8
    assert len(generate(entry, "A model", 4)) == 4


def test_fewer_bits_make_a_smaller_and_less_true_model(converted: Convert) -> None:
    sizes, losses = {}, {}
    for precision in ("fp16", "int8", "int4", "int4-cw"):
        manifest = read_manifest(converted(precision))
        assert manifest is not None
        assert manifest.fidelity is not None
        sizes[precision] = manifest.files["1/openvino_model.bin"].size
        losses[precision] = manifest.fidelity.kl_divergence
    assert sizes["fp16"] > sizes["int8"] > sizes["int4"] > sizes["int4-cw"]
    assert losses["fp16"] < losses["int8"] < losses["int4"]


def test_every_end_token_ends_an_answer(checkpoint: Path, tmp_path: Path) -> None:
    import openvino_genai

    folder = write_checkpoint(tmp_path / "ends")
    edit_json(folder / "generation_config.json", eos_token_id=0)  # only the tokenizer knows of <|im_end|>, id 2
    carry_out(folder, tmp_path / "repository", precision="fp16")
    version = entry_at(tmp_path / "repository", "ends").version_folder
    assert json.loads((version / "generation_config.json").read_text())["eos_token_id"] == [0, 2]
    assert openvino_genai.GenerationConfig(str(version / "generation_config.json")).stop_token_ids == {0, 2}


def test_the_same_checkpoint_twice_makes_the_same_weights(converted: Convert, checkpoint: Path, tmp_path: Path) -> None:
    first = read_manifest(converted("int4"))
    second = carry_out(checkpoint, tmp_path / "repository", precision="int4").manifest
    assert first is not None
    assert first.source.revision == second.source.revision
    assert first.files["1/openvino_model.bin"] == second.files["1/openvino_model.bin"]
    assert first.fidelity == second.fidelity


def test_the_same_again_is_done_already_and_another_needs_force(checkpoint: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    first = carry_out(checkpoint, repository, name="m", precision="fp16")
    assert carry_out(checkpoint, repository, name="m", precision="fp16").manifest == first.manifest
    with pytest.raises(EntryExists, match="exists already"):
        carry_out(checkpoint, repository, name="m", precision="int8")
    replaced = carry_out(checkpoint, repository, name="m", precision="int8", force=True)
    assert not replaced.already
    manifest = read_manifest(entry_at(repository, "m"))
    assert manifest is not None
    assert manifest.precision == "int8"
    assert [entry.name for entry in entries_in(repository)] == ["m"]
    assert [path.name for path in staging_root(repository).iterdir()] == ["m.lock"]


def test_an_exporter_that_fails_leaves_nothing_and_its_last_words(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import optimum.exporters.openvino

    from modelyard.errors import ConversionFailed

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("unsupported operator aten::mystery")

    monkeypatch.setattr(optimum.exporters.openvino, "main_export", broken)
    with pytest.raises(ConversionFailed, match="aten::mystery"):
        carry_out(checkpoint, tmp_path / "repository", name="broken")
    assert entries_in(tmp_path / "repository") == []
    assert [path.name for path in staging_root(tmp_path / "repository").iterdir()] == ["broken.lock"]

"""Encoders become entries: what their files say is in encoder.json, what cannot be done is refused by name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from converters.encoder_description import describe
from converters.exporters.onnx import read_onnx
from converters.exporters.openvino_encoder import refusal
from converters.source import open_checkpoint
from modelyard.card import FEATURE_EXTRACTION, TEXT_CLASSIFICATION, TEXT_RANKING
from modelyard.errors import BadCheckpoint, ConversionFailed
from modelyard.manifest import ScoreFidelity, VectorFidelity
from tests.converters.checkpoints import edit_json
from tests.converters.conftest import carry_out, plan_for
from tests.converters.encoder_checkpoints import (
    MAX_TOKENS,
    POSITIONS,
    minilm,
    write_encoder,
    write_json,
    write_modules,
    write_onnx,
)


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny encoder with sentence-transformers' files. Do not write into it."""
    folder = write_encoder(tmp_path_factory.mktemp("encoders") / "bert", "bert")
    return write_modules(folder, {"pooling_mode_mean_tokens": True}, "Normalize")


@pytest.fixture
def own(bert: Path, tmp_path: Path) -> Path:
    """A copy of it to write into."""
    return Path(shutil.copytree(bert, tmp_path / "own"))


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("encoders") / "classifier", "roberta", labels=3)


def test_a_pooler_that_vectors_do_not_need_may_be_missing(own: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    tensors = load_file(own / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if "pooler" not in name}
    assert len(kept) == len(tensors) - 2
    save_file(kept, own / "model.safetensors", metadata={"format": "pt"})
    made = carry_out(own, tmp_path / "repository", precision="fp16").manifest
    assert isinstance(made.fidelity, VectorFidelity)
    assert made.fidelity.cosine_min > 0.999


def content(folder: Path, task: str = FEATURE_EXTRACTION) -> dict[str, Any]:
    return dict(describe(open_checkpoint(str(folder)), task).content)


def test_the_description_of_a_real_checkpoint() -> None:
    assert content(minilm()) == {
        "task": "feature-extraction",
        "max_tokens": 256,
        "pad_token_id": 0,
        "token_types": True,
        "pooling": ["mean"],
        "pool_prompt": True,
        "layers": [{"type": "normalize"}],
        "prompts": {},
    }


def test_an_encoder_without_modules_is_pooled_by_the_mean(own: Path) -> None:
    (own / "modules.json").unlink()
    found = content(own)
    assert (found["pooling"], found["layers"]) == (["mean"], [])


def test_what_todays_sentence_transformers_saves_reads_the_same(tmp_path: Path) -> None:
    from sentence_transformers import CrossEncoder, SentenceTransformer

    prompts = {"query": "ask: ", "document": "read: "}
    folder = write_encoder(tmp_path / "mpnet", "mpnet")
    write_modules(folder, {"pooling_mode_cls_token": True}, "Dense", "Normalize", dense=8, prompts=prompts)
    SentenceTransformer(str(folder), device="cpu").save_pretrained(str(tmp_path / "saved"))
    assert content(tmp_path / "saved") == content(folder)
    ranker = write_encoder(tmp_path / "bert", "bert", labels=1)
    CrossEncoder(str(ranker), device="cpu").save_pretrained(str(tmp_path / "ranker"))
    assert content(tmp_path / "ranker", TEXT_RANKING) == content(ranker, TEXT_RANKING)


@pytest.mark.parametrize(
    ("config", "modes"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, ["cls"]),
        ({"pooling_mode_max_tokens": True, "pooling_mode_mean_tokens": True}, ["max", "mean"]),
        ({"pooling_mode": "lasttoken"}, ["lasttoken"]),
        ({"pooling_mode": ["cls", "weightedmean"]}, ["cls", "weightedmean"]),
        ({}, ["mean"]),
    ],
)
def test_pooling_in_the_words_of_old_and_new_files(own: Path, config: dict[str, Any], modes: list[str]) -> None:
    write_json(own / "1_Pooling/config.json", {"word_embedding_dimension": 32, **config})
    assert content(own)["pooling"] == modes


def test_prompts_and_the_one_that_is_used_when_none_is_named(own: Path) -> None:
    write_json(
        own / "config_sentence_transformers.json",
        {"prompts": {"query": "ask: ", "passage": "read: ", "sts": "same: "}, "default_prompt_name": "sts"},
    )
    assert content(own)["prompts"] == {"query": "ask: ", "document": "read: ", "default": "same: "}


def test_texts_are_cut_where_sentence_transformers_cuts_them(own: Path) -> None:
    assert content(own)["max_tokens"] == MAX_TOKENS
    edit_json(own / "tokenizer_config.json", model_max_length=10**30)
    assert content(own)["max_tokens"] == POSITIONS
    edit_json(own / "config.json", model_type="roberta", pad_token_id=1)
    assert content(own)["max_tokens"] == POSITIONS - 2  # its table of positions begins behind the padding's
    write_json(own / "sentence_bert_config.json", {"max_seq_length": 33, "do_lower_case": True})
    assert content(own)["max_tokens"] == 33
    assert describe(open_checkpoint(str(own)), FEATURE_EXTRACTION).lower_case


def modules(*kinds: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        write_json(
            folder / "modules.json",
            [{"idx": n, "name": str(n), "path": f"{n}_x" if n else "", "type": kind} for n, kind in enumerate(kinds)],
        )

    return write


ST = "sentence_transformers.models."


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (modules(f"{ST}Transformer", f"{ST}LSTM", f"{ST}Pooling"), "the module 'LSTM' as number 1"),
        (modules("custom_st.Transformer", f"{ST}Pooling"), "the module 'custom_st.Transformer'"),
        (modules(f"{ST}Transformer", f"{ST}Dense"), "the module 'Dense' as number 1"),
        (
            modules(f"{ST}Transformer", f"{ST}Pooling", f"{ST}Dense"),
            "2_x/model.safetensors of a dense layer are missing",
        ),
        (lambda folder: (folder / "modules.json").write_text("[{]"), "modules.json cannot be read"),
        (lambda folder: write_json(folder / "1_Pooling/config.json", {"pooling_mode": "vote"}), "the pooling 'vote'"),
        (
            lambda folder: write_json(folder / "sentence_bert_config.json", {"transformer_task": "fill-mask"}),
            "asks the transformer for 'fill-mask'",
        ),
        (lambda folder: edit_json(folder / "config.json", is_encoder_decoder=True), "have an encoder and a decoder"),
    ],
)
def test_what_the_embeddings_backend_cannot_do_is_refused_by_name(
    own: Path, change: Callable[[Path], Any], words: str
) -> None:
    change(own)
    with pytest.raises(BadCheckpoint, match=words):
        content(own)
    assert words in str(refusal(open_checkpoint(str(own)), FEATURE_EXTRACTION))


@pytest.mark.parametrize(
    ("changes", "activation"),
    [
        ({}, "softmax"),
        ({"problem_type": "multi_label_classification"}, "sigmoid"),
        ({"problem_type": "regression"}, "identity"),
        ({"id2label": {"0": "toxic"}}, "sigmoid"),
    ],
)
def test_a_classifiers_activation_is_the_one_of_transformers(
    classifier: Path, tmp_path: Path, changes: dict[str, Any], activation: str
) -> None:
    folder = Path(shutil.copytree(classifier, tmp_path / "c"))
    edit_json(folder / "config.json", **changes)
    assert content(folder, TEXT_CLASSIFICATION)["activation"] == activation


def test_labels_come_in_the_order_of_their_numbers(classifier: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(classifier, tmp_path / "c"))
    edit_json(folder / "config.json", id2label={str(number): f"label {number}" for number in (10, 2, 1, 0)})
    assert content(folder, TEXT_CLASSIFICATION)["labels"] == ["label 0", "label 1", "label 2", "label 10"]


@pytest.mark.parametrize(
    ("changes", "activation"),
    [
        ({}, "sigmoid"),
        ({"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}}, "identity"),
        ({"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"}, "identity"),
    ],
)
def test_a_cross_encoders_activation_is_the_checkpoints(
    classifier: Path, tmp_path: Path, changes: dict[str, Any], activation: str
) -> None:
    folder = Path(shutil.copytree(classifier, tmp_path / "c"))
    edit_json(folder / "config.json", id2label={"0": "LABEL_0"}, **changes)
    assert content(folder, TEXT_RANKING)["activation"] == activation


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "gives one score, this model gives 3"),
        ({"architectures": ["Qwen3ForCausalLM"]}, "a Qwen3ForCausalLM gives no scores"),
        (
            {"id2label": {"0": "a"}, "sentence_transformers": {"activation_fn": "torch.nn.modules.activation.GLU"}},
            "the activation 'torch.nn.modules.activation.GLU' is not known",
        ),
    ],
)
def test_what_the_rerank_backend_cannot_do_is_refused_by_name(
    classifier: Path, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    folder = Path(shutil.copytree(classifier, tmp_path / "c"))
    edit_json(folder / "config.json", **changes)
    with pytest.raises(BadCheckpoint, match=words):
        content(folder, TEXT_RANKING)


def test_architectures_that_nobody_knows_are_refused(own: Path) -> None:
    edit_json(own / "config.json", model_type="harbour", architectures=["HarbourModel"])
    assert "knows the model type 'harbour'" in str(refusal(open_checkpoint(str(own)), FEATURE_EXTRACTION))


def test_an_entry_of_embeddings(bert: Path, tmp_path: Path) -> None:
    made = carry_out(bert, tmp_path / "repository", name="bert", precision="fp16")
    fidelity = made.manifest.fidelity
    assert isinstance(fidelity, VectorFidelity)
    assert fidelity.cosine_min > 0.9999
    assert fidelity.reference == "float32"
    entry = tmp_path / "repository/bert"
    assert json.loads((entry / "1/encoder.json").read_text())["token_types"] is True
    assert {"openvino_model.xml", "openvino_model.bin", "tokenizer.json", "config.json", "encoder.json"} <= {
        path.name for path in (entry / "1").iterdir()
    }
    config = (entry / "config.pbtxt").read_text()
    assert 'backend: "openvino_embeddings"' in config
    assert "KV_CACHE_PRECISION" not in config


@pytest.mark.parametrize("precision", ["fp16", "int8", "int4"])
def test_an_entry_of_a_classifier_says_how_true_it_is(classifier: Path, tmp_path: Path, precision: str) -> None:
    fidelity = carry_out(classifier, tmp_path / "repository", name="c", precision=precision).manifest.fidelity
    assert isinstance(fidelity, ScoreFidelity)
    assert fidelity.texts == 20
    if precision == "fp16":
        assert fidelity.max_difference < 1e-4
        assert fidelity.same_order == 1
    else:
        assert 0 < fidelity.max_difference < 1


def test_16_bits_are_half_the_size_of_the_original(tmp_path: Path) -> None:
    carry_out(minilm(), tmp_path / "repository", name="m", precision="fp16")
    network = tmp_path / "repository/m/1/openvino_model.bin"
    assert network.stat().st_size < 0.52 * (minilm() / "model.safetensors").stat().st_size


def test_an_onnx_file_becomes_an_entry(bert: Path, tmp_path: Path) -> None:
    folder = write_onnx(tmp_path / "onnx", bert)
    made = carry_out(folder, tmp_path / "repository", name="o", precision="int8", task=FEATURE_EXTRACTION)
    assert isinstance(made.manifest.fidelity, VectorFidelity)
    assert made.manifest.fidelity.reference == "ONNX in float32"
    assert 0.98 < made.manifest.fidelity.cosine_min < 1


def test_an_onnx_file_that_is_none_or_of_something_else_is_refused(bert: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "model.onnx"
    damaged.write_bytes(b"\x08\x09 not a network")
    with pytest.raises(BadCheckpoint, match="cannot be read as ONNX"):
        read_onnx(damaged, FEATURE_EXTRACTION)
    encoder = write_onnx(tmp_path / "onnx", bert) / "onnx/model.onnx"
    with pytest.raises(BadCheckpoint, match=r"has none of the results logits, only .*last_hidden_state"):
        read_onnx(encoder, TEXT_RANKING)


def test_a_model_that_tracing_would_freeze_is_not_published(tmp_path: Path) -> None:
    import torch
    from transformers import AutoModel

    from converters.exporters.traced import trace

    class Frozen(torch.nn.Module):
        """Looks at how long the text is, which a trace does not write down."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = AutoModel.from_pretrained(write_encoder(tmp_path / "bert", "bert"))
            self.config = self.inner.config

        def forward(self, input_ids: Any, **others: Any) -> Any:
            found = self.inner(input_ids, **others)
            found.last_hidden_state = found.last_hidden_state * (3.0 if input_ids.shape[1] > 20 else 1.0)
            return found

    with pytest.raises(ConversionFailed, match="does something else for texts of another length"):
        trace(Frozen().eval(), FEATURE_EXTRACTION, ["input_ids", "attention_mask"])


def test_compression_by_activations_is_refused(bert: Path, tmp_path: Path) -> None:
    plan = plan_for(bert, tmp_path / "repository", precision="int4-awq")
    from converters.exporters.openvino_encoder import export
    from modelyard.errors import FieldRefused

    with pytest.raises(FieldRefused, match="for models that generate text"):
        export(plan, tmp_path, tmp_path, on_step=lambda step: None)

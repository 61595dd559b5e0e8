"""Estimates against what was measured: real conversions and a real engine, each in a process of its own, two shapes.

Within 15% each way. Memory is what a process holds and cannot give back.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from converters.contents import Contents, look_into
from converters.estimates import disk_of_conversion, memory_of_conversion, memory_of_measuring
from converters.estimates.serving import longest_context, serving
from converters.estimates.shape import shape_of
from converters.estimates.speed import tokens_per_second, weights_of_step
from converters.estimates.weights import entry_bytes
from converters.gguf import read_header
from converters.glance import glance
from modelyard.settings import Settings
from tests.bench.large_checkpoints import write_random
from tests.bench.memory import watch
from tests.converters.gguf_files import write_gguf

ROOT = Path(__file__).resolve().parents[2]
EXPORTER = "openvino_text"
TOLERANCE = 0.15
# 163 M parameters, half of them in a large vocabulary, and 293 M, nearly all of them in the layers.
WIDE = {
    "vocab_size": 50_000,
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 10,
    "num_attention_heads": 12,
    "num_key_value_heads": 4,
}
DEEP = {
    "vocab_size": 20_000,
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 16,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
}
CASES = [("wide", "fp16"), ("wide", "int8"), ("wide", "int4"), ("deep", "fp16"), ("deep", "int4")]


@dataclass(frozen=True)
class Measured:
    """A conversion that was watched from outside."""

    contents: Contents
    version_folder: Path
    held: int


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("estimates")
    for name, figures in (("wide", WIDE), ("deep", DEEP)):
        write_random(root / name, figures)
    return {name: root / name for name in ("wide", "deep")}


@pytest.fixture(scope="module", params=CASES, ids=lambda case: "-".join(case))
def measured(
    request: pytest.FixtureRequest, checkpoints: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Measured]:
    shape, precision = request.param
    root = tmp_path_factory.mktemp("converted")
    command = [sys.executable, "-m", "modelyard", "convert", checkpoints[shape], "--name", "made"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    run = watch(
        [*command, "--precision", precision, "--repository", root / "repository"], log=root / "log", env=environment
    )
    assert run.code == 0, (root / "log").read_text()
    contents = contents_of(checkpoints[shape])
    return precision, Measured(contents, root / "repository" / "made" / "1", run.used.anonymous)


def contents_of(folder: Path) -> Contents:
    return look_into(glance(str(folder), folder, settings=Settings()))


def test_memory_of_a_conversion(measured: tuple[str, Measured]) -> None:
    precision, found = measured
    estimate = memory_of_conversion(found.contents, EXPORTER, precision)
    assert estimate == pytest.approx(found.held, rel=TOLERANCE)


def test_memory_of_measuring_a_gguf_file(tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "wide.gguf", "F16", width=2048)  # 78 M parameters
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "modelyard", "convert", file, "--repository", tmp_path / "repository"]
    run = watch(command, log=tmp_path / "log", env=environment)
    assert run.code == 0, (tmp_path / "log").read_text()
    assert "next-token agreement" in (tmp_path / "log").read_text()
    assert memory_of_measuring(read_header(file)) == pytest.approx(run.used.anonymous, rel=TOLERANCE)


def test_bytes_of_the_entry(measured: tuple[str, Measured]) -> None:
    precision, found = measured
    written = sum(file.stat().st_size for file in found.version_folder.iterdir())
    assert entry_bytes(found.contents, EXPORTER, precision) == pytest.approx(written, rel=0.03)
    assert disk_of_conversion(found.contents, EXPORTER, precision) > written


@pytest.mark.parametrize(("context", "concurrency"), [(256, 1), (1024, 8)])
def test_memory_of_serving(measured: tuple[str, Measured], context: int, concurrency: int) -> None:
    precision, found = measured
    command = [Settings().engine_python, ROOT / "tests/converters/engine_memory.py", found.version_folder]
    answer = subprocess.run(
        [*command, str(context), str(concurrency)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    highest = json.loads(answer.stdout.splitlines()[-1])["highest"]["held"]
    estimate = serving(found.contents, EXPORTER, precision, context=context, concurrency=concurrency)
    assert estimate.weights + estimate.cache + estimate.engine == pytest.approx(highest, rel=TOLERANCE)


@pytest.mark.parametrize("quantization", ["F16", "Q8_0", "Q4_0", "Q4_K_M"])
def test_memory_of_serving_a_gguf_file(quantization: str, tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "wide.gguf", quantization, width=2048, context=4096)
    contents = look_into(glance(str(file), file, settings=Settings()))
    for context, concurrency in ((256, 1), (4096, 4)):
        command = [Settings().engine_python, "-m", "tests.converters.llamacpp_memory", tmp_path]
        answer = subprocess.run(
            [*command, str(context), str(concurrency)], capture_output=True, text=True, check=True, cwd=ROOT
        )
        highest = json.loads(answer.stdout.splitlines()[-1])["highest"]["held"]
        estimate = serving(contents, "llamacpp", quantization, context=context, concurrency=concurrency)
        assert estimate.weights + estimate.cache + estimate.engine == pytest.approx(highest, rel=TOLERANCE)


def text_model(**figures: Any) -> Contents:
    """A model of a billion parameters, as its configuration says it."""
    config = {
        "hidden_size": 2048,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "intermediate_size": 8192,
        "vocab_size": 128_256,
    }
    return Contents("LlamaForCausalLM", 1_235_814_400, 2_471_645_608, 131_072, "bf16", figures=config | figures)


@pytest.mark.parametrize("concurrency", [1, 7])
@pytest.mark.parametrize("precision", ["fp16", "int8", "int4"])
def test_the_longest_context_fits_and_a_longer_one_does_not(precision: str, concurrency: int) -> None:
    memory = 6 * 2**30
    length = longest_context(text_model(), EXPORTER, precision, concurrency=concurrency, memory=memory)
    at = [
        serving(text_model(), EXPORTER, precision, context=tokens, concurrency=concurrency).memory
        for tokens in (length, length + 32)
    ]
    assert at[0] <= memory < at[1]


def test_no_context_fits_where_the_weights_do_not() -> None:
    assert longest_context(text_model(), EXPORTER, "fp16", concurrency=1, memory=2**30) == 0


def test_of_a_mixture_only_the_active_experts_are_read() -> None:
    experts = {"num_local_experts": 8, "num_experts_per_tok": 2, "intermediate_size": 1024}
    dense, mixture = text_model(), text_model(**experts)
    idle = 6 * 3 * 2048 * 1024 * 16
    before, after = (weights_of_step(model, EXPORTER, "fp16") for model in (dense, mixture))
    assert before[16] - after[16] == 2 * idle


def test_of_four_bits_the_output_layer_has_eight() -> None:
    tied, apart = text_model(), text_model(tie_word_embeddings=False)
    body = 1_235_814_400 - 2048 * 128_256
    for model, kept in ((tied, body), (apart, body - 2048 * 128_256)):
        read = weights_of_step(model, EXPORTER, "int4")
        assert read[8] == pytest.approx(2048 * 128_256, rel=0.01)
        assert read[4] == pytest.approx(kept * 0.52, rel=0.01)
    assert dict(weights_of_step(tied, EXPORTER, "int8")) == {8: pytest.approx(1_235_814_400, rel=0.01)}


def test_fewer_bits_are_faster_and_a_long_context_slower() -> None:
    rates = [
        tokens_per_second(text_model(), EXPORTER, precision, context=0, bandwidth=20e9)
        for precision in ("fp16", "int8", "int4")
    ]
    assert rates == sorted(rates)
    assert tokens_per_second(text_model(), EXPORTER, "int4", context=65_536, bandwidth=20e9) < rates[-1]


@pytest.mark.parametrize(
    ("figures", "cached", "kv_heads", "head_size"),
    [
        ({"n_layer": 12, "n_embd": 768, "n_head": 12, "vocab_size": 50257}, 12, 12, 64),
        ({"num_hidden_layers": 4, "hidden_size": 64, "num_attention_heads": 4, "head_dim": 32}, 4, 4, 32),
        (
            {
                "num_hidden_layers": 3,
                "hidden_size": 64,
                "num_attention_heads": 4,
                "num_key_value_heads": 1,
                "layer_types": ["mamba", "mamba", "full_attention"],
            },
            1,
            1,
            16,
        ),
        ({"num_hidden_layers": 3, "hidden_size": 64}, 0, 0, 0),  # no attention: a Mamba
    ],
)
def test_shapes_are_read_in_the_words_of_each_family(
    figures: dict[str, Any], cached: int, kv_heads: int, head_size: int
) -> None:
    shape = shape_of(replace(text_model(), figures=figures))
    assert shape is not None
    assert (shape.cached_layers, shape.kv_heads, shape.head_size) == (cached, kv_heads, head_size)


@pytest.mark.parametrize("figures", [{}, {"hidden_size": "wide", "num_hidden_layers": -3}, {"hidden_size": True}])
def test_figures_that_are_none_give_no_shape(figures: dict[str, Any]) -> None:
    assert shape_of(replace(text_model(), figures=figures)) is None


def test_weights_that_stay_as_they_are_cost_what_they_have() -> None:
    contents = text_model()
    assert entry_bytes(contents, "llamacpp", "Q4_K_M") == contents.bytes
    assert memory_of_conversion(contents, "llamacpp", "Q4_K_M") < 2**28

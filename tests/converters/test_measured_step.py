"""The engines run for real, once, whatever is here of the model; what makes no sense is as good as not measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from converters.estimates.shape import shape_of
from converters.estimates.speed import tokens_per_second
from converters.measured_step import known_step, layers_of, measured_step
from converters.plan import ConversionPlan
from modelyard.measurements import recall, remember
from modelyard.settings import Settings
from tests.converters.gguf_files import write_gguf
from tests.converters.planning import plan_of
from tests.converters.stand_ins import write_gguf_stand_in, write_stand_in

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = Path("/nonexistent/python")
ENGINE = Settings().engine_python


@pytest.fixture
def demo(tmp_path: Path) -> ConversionPlan:
    return plan_of(ROOT / "demo/checkpoint", tmp_path / "repository")


@pytest.fixture
def large(tmp_path: Path) -> ConversionPlan:
    return plan_of(write_stand_in(tmp_path / "model"), tmp_path / "repository")


@pytest.mark.parametrize("precision", ["fp16", "int8", "int4", "int4-cw"])
def test_openvino_runs_layers_of_the_models_shape_once(precision: str, tmp_path: Path) -> None:
    plan = plan_of(ROOT / "demo/checkpoint", tmp_path / "repository", precision=precision)
    assert known_step(plan) is None
    found = measured_step(plan, ENGINE)
    assert found is not None
    assert 1e-6 < found < 1
    # The next one of the kind asks no engine.
    assert measured_step(plan, NOWHERE) == known_step(plan) == found
    assert measured_step(plan, NOWHERE, anew=True) is None
    assert known_step(plan) == found


def test_llamacpp_runs_a_file_of_which_only_the_header_is_here(tmp_path: Path) -> None:
    whole = write_gguf(tmp_path / "whole.gguf", "Q4_0")
    stand_in = write_gguf_stand_in(whole, tmp_path / "holes.gguf")
    plans = [plan_of(file, tmp_path / "repository", target="triton-llamacpp") for file in (stand_in, whole)]
    found = measured_step(plans[0], ENGINE)
    assert found is not None
    assert 1e-6 < found < 1
    assert measured_step(plans[1], NOWHERE) == found  # of one kind


def test_nothing_is_measured_that_generates_no_text_here(demo: ConversionPlan) -> None:
    for other in (replace(demo, task="feature-extraction"), replace(demo, device="GPU")):
        assert measured_step(other, ENGINE) is None
    assert recall(demo.repository) == {}


@pytest.mark.parametrize(
    "answer", ["", "exit 3", "echo '{\"layer\": 1}'", 'echo \'{"layer": 0, "output": 1}\'', "echo [1]"]
)
def test_without_an_answer_nothing_is_known(answer: str, demo: ConversionPlan, tmp_path: Path) -> None:
    engine = tmp_path / "python"
    engine.write_text(f"#!/bin/sh\n{answer}\n")
    engine.chmod(0o755)
    assert measured_step(demo, engine) is None
    assert recall(demo.repository) == {}


@pytest.mark.parametrize("kept", [True, 0, -1, "fast", float("inf"), None])
def test_what_makes_no_sense_is_not_known(kept: object, demo: ConversionPlan) -> None:
    assert measured_step(demo, ENGINE) is not None
    (kind,) = recall(demo.repository)["steps"]
    remember(demo.repository, steps={kind: kept})
    assert known_step(demo) is None
    remember(demo.repository, steps=7)
    assert known_step(demo) is None


@pytest.mark.parametrize(
    ("precision", "weights", "group", "output"),
    [("fp16", "f16", 0, "f16"), ("int8", "u8", 0, "u8"), ("int4", "u4", 128, "u8"), ("int4-cw", "i4", 0, "u8")],
)
def test_layers_are_laid_out_as_the_entry_will_have_them(
    precision: str, weights: str, group: int, output: str, large: ConversionPlan
) -> None:
    shape = shape_of(large.contents)
    assert shape is not None
    asked = layers_of(replace(large, precision=precision), shape)
    assert asked is not None
    assert (asked["weights"], asked["group"], asked["output_weights"]) == (weights, group, output)
    widths = {"layers": 32, "width": 4096, "inner": 11008, "heads": 32, "kv_heads": 32, "head_size": 128}
    assert {name: asked[name] for name in widths} == widths
    assert (asked["gated"], asked["visited"], asked["properties"]) == (True, 1, {})


def test_layers_of_other_kinds(large: ConversionPlan) -> None:
    shape = shape_of(large.contents)
    assert shape is not None
    # GPT-2's network has two matrices.
    smaller = replace(large, parameters=large.parameters - 32 * 4096 * 11008)
    assert (layers_of(smaller, shape) or {})["gated"] is False
    # Of eight experts a token visits two.
    experts = replace(shape, experts=8, active_experts=2, expert_inner=1024)
    asked = layers_of(replace(large, parameters=large.parameters * 4), experts)
    assert asked is not None
    assert (asked["visited"], asked["inner"]) == (2, 1024)
    # State spaces have no attention, or not in each layer.
    assert layers_of(large, replace(shape, cached_layers=4)) is None
    assert layers_of(large, replace(shape, heads=0, kv_heads=0)) is None


def test_a_measured_step_takes_the_place_of_what_is_assumed(large: ConversionPlan) -> None:
    contents = large.contents

    def speed(context: int, step: float | None) -> float:
        return tokens_per_second(contents, "openvino_text", "int4", context=context, bandwidth=20e9, step=step)

    assert speed(0, 0.1) == speed(100, 0.1) == pytest.approx(10)
    # Of a longer context the cache is read besides: 1000 tokens, 32 layers, keys and values, 4096 numbers of 16 bits.
    assert 1 / speed(2200, 0.1) == pytest.approx(0.1 + 1000 * 32 * 2 * 4096 * 2 / 20e9)

"""`--target auto`: both engines run a tiny GGUF file for real, once; what was found holds for the next of its kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from converters.measured_target import choose_target, kind_of, measured_target
from converters.plan import ConversionPlan, Wishes
from converters.targets import Target
from modelyard.errors import EnvironmentMissing, ModelyardError
from modelyard.measurements import recall, remember
from modelyard.settings import Settings
from tests.converters.gguf_files import write_gguf
from tests.converters.planning import plan_of

NOWHERE = Path("/nonexistent/python")


@pytest.fixture
def plans(tmp_path: Path) -> tuple[ConversionPlan, ConversionPlan]:
    file = write_gguf(tmp_path / "tiny.gguf", "Q8_0")
    repository = tmp_path / "repository"
    return plan_of(file, repository, target="triton-openvino"), plan_of(file, repository, target="triton-llamacpp")


def test_both_engines_are_measured_and_the_faster_one_is_taken(plans: tuple[ConversionPlan, ConversionPlan]) -> None:
    target, reason = measured_target(*plans, engine_python=Settings().engine_python)
    assert "measured on this host" in reason
    rates = recall(plans[0].repository)["targets"][kind_of(plans[1])]
    assert set(rates) == {"openvino", "llamacpp"}
    request = {name: 1 / (256 / rate["prompt"] + 128 / rate["decode"]) for name, rate in rates.items()}
    assert target == f"triton-{max(request, key=lambda name: request[name])}"
    # The next one of the kind asks no engine.
    assert measured_target(*plans, engine_python=NOWHERE) == (target, reason)
    with pytest.raises(EnvironmentMissing):
        measured_target(*plans, engine_python=NOWHERE, measure_again=True)


@pytest.mark.parametrize(
    ("openvino", "llamacpp", "expected"),
    [
        ({"prompt": 100.0, "decode": 20.0}, {"prompt": 50.0, "decode": 30.0}, "triton-openvino"),
        ({"prompt": 100.0, "decode": 20.0}, {"prompt": 90.0, "decode": 30.0}, "triton-llamacpp"),
        ({"prompt": 0, "decode": 20.0}, {"prompt": 90.0, "decode": 30.0}, "triton-llamacpp"),
        ({"prompt": 100.0, "decode": 20.0}, {"prompt": "fast"}, "triton-openvino"),
    ],
)
def test_reading_and_writing_are_weighed_together(
    plans: tuple[ConversionPlan, ConversionPlan], openvino: dict, llamacpp: dict, expected: Target
) -> None:
    known = {kind_of(plans[1]): {"openvino": openvino, "llamacpp": llamacpp}}
    remember(plans[0].repository, targets=known)
    assert measured_target(*plans, engine_python=NOWHERE)[0] == expected


def test_a_file_that_no_engine_loads_is_left_to_llamacpp(
    plans: tuple[ConversionPlan, ConversionPlan], tmp_path: Path
) -> None:
    (tmp_path / "tiny.gguf").write_bytes(b"GGUF and then nothing that is one" * 100)
    target, reason = measured_target(*plans, engine_python=Settings().engine_python)
    assert target == "triton-llamacpp"
    assert "neither engine" in reason


def test_what_is_mostly_holes_is_not_measured(plans: tuple[ConversionPlan, ConversionPlan], tmp_path: Path) -> None:
    with (tmp_path / "tiny.gguf").open("r+b") as file:
        file.truncate(0)
        file.truncate(2**26)
    assert measured_target(*plans, engine_python=NOWHERE)[0] == "triton-llamacpp"
    assert recall(plans[0].repository) == {}


def test_where_one_engine_cannot_the_other_is_taken(plans: tuple[ConversionPlan, ConversionPlan]) -> None:
    openvino, llamacpp = plans
    assert measured_target(openvino, None, engine_python=NOWHERE) == (
        "triton-openvino",
        "llama.cpp serves GGUF files only",
    )
    assert measured_target(None, llamacpp, engine_python=NOWHERE)[0] == "triton-llamacpp"


def test_where_neither_can_the_first_reason_is_given() -> None:
    def planned(wishes: Wishes) -> ConversionPlan:
        raise ModelyardError(f"not for {wishes.target}")

    with pytest.raises(ModelyardError, match="not for triton-openvino"):
        choose_target(planned, Wishes(), engine_python=NOWHERE)

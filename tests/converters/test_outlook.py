"""A plan against a host: what does not fit is refused, with what would."""

from __future__ import annotations

from pathlib import Path

import pytest

from converters.outlook import HostFigures, Outlook, look_ahead
from converters.plan import ConversionPlan
from modelyard.errors import NotEnoughDisk, NotEnoughMemory
from tests.converters.gguf_files import write_gguf
from tests.converters.planning import plan_of
from tests.converters.stand_ins import write_stand_in

GiB = 2**30


@pytest.fixture
def seven_billion(tmp_path: Path) -> Path:
    return write_stand_in(tmp_path / "seven-billion")


def on(plan: ConversionPlan, *, memory: float = 256, disk: float = 1000, **options: int) -> Outlook:
    host = HostFigures(memory=int(memory * GiB), disk=int(disk * GiB), bandwidth=40e9)
    return look_ahead(plan, host, **options)


def test_what_fits_has_no_problems(seven_billion: Path) -> None:
    seen = on(plan_of(seven_billion))
    assert seen.problems == ()
    assert seen.parameters == pytest.approx(6.7e9, rel=0.05)
    assert seen.serving is not None
    assert seen.serving.context == 4096
    assert 3e9 < seen.entry_bytes < 4.5e9  # four bits
    assert seen.tokens_per_s == pytest.approx(40e9 * 0.7 / seen.entry_bytes, rel=0.3)


def test_a_smaller_precision_is_named_where_the_conversion_does_not_fit(seven_billion: Path) -> None:
    (problem,) = on(plan_of(seven_billion, precision="fp16"), memory=10).problems[:1]
    assert isinstance(problem, NotEnoughMemory)
    assert "10.0 GiB are free" in str(problem)
    assert "--precision int8 (about" in problem.hint


def test_a_shorter_context_is_named_where_serving_does_not_fit(seven_billion: Path) -> None:
    seen = on(plan_of(seven_billion, precision="int4"), memory=16, context=4096, concurrency=16)
    (problem,) = seen.problems
    assert "serving it to 16 at once with a context of 4096 tokens" in str(problem)
    words = problem.hint.split()
    context, concurrency = (int(words[words.index(name) + 1].rstrip(";")) for name in ("--context", "--concurrency"))
    assert context < 4096
    assert (
        on(plan_of(seven_billion, precision="int4"), memory=16, context=context, concurrency=concurrency).problems == ()
    )


def test_disk_is_looked_at_too(seven_billion: Path) -> None:
    problems = on(plan_of(seven_billion), disk=3).problems
    assert [type(problem) for problem in problems] == [NotEnoughDisk]


def test_a_gguf_file_can_be_served_as_it_is(tmp_path: Path) -> None:
    folder = write_gguf(tmp_path / "tiny.gguf", "Q8_0")
    seen = on(plan_of(folder, target="triton-openvino"), memory=0.2)
    assert all("--target triton-llamacpp" in problem.hint for problem in seen.problems)
    assert len(seen.problems) == 2


def test_where_nothing_fits_the_hint_says_so(seven_billion: Path) -> None:
    problems = on(plan_of(seven_billion, precision="int4-cw"), memory=0.5).problems
    assert len(problems) == 2
    assert all(problem.hint for problem in problems)

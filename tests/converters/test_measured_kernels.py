"""OpenVINO multiplies for real, once; what was found is kept, and what cannot be read is as good as none."""

from __future__ import annotations

from pathlib import Path

import pytest

from converters.measured_kernels import kernels, known_kernels
from modelyard.measurements import recall, remember
from modelyard.settings import Settings

NOWHERE = Path("/nonexistent/python")


def test_they_are_measured_once(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    assert known_kernels(repository) == {}
    found = kernels(repository, Settings().engine_python)
    assert set(found) == {16, 8, 4}
    assert all(1e7 < rate < 1e13 for rate in found.values())
    assert known_kernels(repository) == {bits: round(rate) for bits, rate in found.items()}
    assert kernels(repository, NOWHERE) == known_kernels(repository)
    assert kernels(repository, NOWHERE, anew=True) == {}
    assert known_kernels(repository) != {}


@pytest.mark.parametrize("answer", ["", "exit 3", "echo '{\"16\": 1}'", "echo nonsense"])
def test_without_an_answer_nothing_is_known(answer: str, tmp_path: Path) -> None:
    engine = tmp_path / "python"
    engine.write_text(f"#!/bin/sh\n{answer}\n")
    engine.chmod(0o755)
    assert kernels(tmp_path / "repository", engine) == {}
    assert recall(tmp_path / "repository") == {}


@pytest.mark.parametrize(
    "kept", [7, {}, {"16": 1e9, "8": 1e9}, {"16": 1e9, "8": 1e9, "4": "fast"}, {"16": 0, "8": 1, "4": 1}]
)
def test_what_makes_no_sense_is_not_known(kept: object, tmp_path: Path) -> None:
    remember(tmp_path / "repository", kernels=kept)
    assert known_kernels(tmp_path / "repository") == {}

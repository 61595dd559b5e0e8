"""Checkpoints and conversions that the tests share; each is made once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from converters.convert import Conversion, convert
from converters.exportable import refusal
from converters.plan import ConversionPlan, Wishes, plan_conversion
from converters.precision import Precision
from converters.source import open_checkpoint
from modelyard.entry import Entry, entry_at
from modelyard.settings import Settings
from tests.converters.checkpoints import write_checkpoint

Convert = Callable[[Precision], Entry]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("checkpoints") / "tiny-qwen2")


@pytest.fixture(scope="session")
def converted(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Convert:
    """The tiny checkpoint in a precision, converted when first asked for. Do not write into it."""
    repository = tmp_path_factory.mktemp("converted") / "repository"

    def entry(precision: Precision) -> Entry:
        found = entry_at(repository, precision)
        if not found.exists():
            carry_out(checkpoint, repository, name=precision, precision=precision)
        return found

    return entry


def plan_for(folder: Path, repository: Path, **wishes: Any) -> ConversionPlan:
    wanted = Wishes(**{"engine_python": Settings().engine_python, **wishes})
    return plan_conversion(open_checkpoint(str(folder)), repository=repository, wishes=wanted, exportable=refusal)


def carry_out(folder: Path, repository: Path, *, force: bool = False, **wishes: Any) -> Conversion:
    return convert(plan_for(folder, repository, **wishes), force=force, on_step=lambda step: None)

"""When a model last answered."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from modelyard import usage
from modelyard.entry import staging_root


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "repository").mkdir()
    return tmp_path / "repository"


def test_an_answer_is_noted(repository: Path) -> None:
    before = datetime.now(timezone.utc) - timedelta(seconds=1)
    assert usage.last_used(repository, "m") is None
    usage.record(repository, "m")
    noted = usage.last_used(repository, "m")
    assert noted is not None
    assert before < noted < datetime.now(timezone.utc) + timedelta(seconds=1)
    usage.forget(repository, "m")
    assert usage.last_used(repository, "m") is None


def test_the_disk_is_touched_once_in_a_while_for_each_model(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(usage.time, "monotonic", lambda: now)
    usage.record(repository, "m")
    file = staging_root(repository) / "usage" / "m"
    os.utime(file, (1, 1))
    now += 9
    usage.record(repository, "m")
    assert file.stat().st_mtime == 1
    usage.record(repository, "other")
    assert usage.last_used(repository, "other") is not None
    now += 2
    usage.record(repository, "m")
    assert file.stat().st_mtime > 1


def test_what_cannot_be_written_does_no_harm(repository: Path, tmp_path: Path) -> None:
    staging_root(repository).write_text("in the way")
    for name in ("m", "../m", "", "a\0b", "x" * 300):
        usage.record(repository, name)
    assert usage.last_used(repository, "m") is None
    usage.record(tmp_path / "another host's", "m")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".repository-staging", "repository"]

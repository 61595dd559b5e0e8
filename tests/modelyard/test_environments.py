"""Going on in another interpreter: same process, same arguments, and no going round in circles."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from modelyard import host
from modelyard.environments import can_convert, go_on_in
from modelyard.errors import EnvironmentMissing

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def interpreter(tmp_path: Path) -> Path:
    """Says what it was called with, and leaves with 7."""
    path = tmp_path / "python"
    path.write_text('#!/bin/sh\necho "$$ $* $PYTHONPATH $MODELYARD_HANDED_OVER"; exit 7\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_another_interpreter_takes_over_the_process(interpreter: Path, tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from modelyard.environments import go_on_in\n"
        f"go_on_in(Path({str(interpreter)!r}), ['convert', 'a b'], role='convert')"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    said, _ = process.communicate(timeout=30)
    pid, rest = said.split(" ", 1)
    assert (int(pid), process.returncode) == (process.pid, 7)
    assert rest.startswith(f"-m modelyard convert a b {ROOT}")
    assert rest.endswith("convert\n")


def test_an_environment_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentMissing, match="the convert environment is missing") as missing:
        go_on_in(tmp_path / "python", [], role="convert")
    assert "make convert-env" in missing.value.hint


def test_an_environment_that_lacks_the_libraries_is_missing_too(
    interpreter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELYARD_HANDED_OVER", "convert")
    with pytest.raises(EnvironmentMissing):
        go_on_in(interpreter, [], role="convert")


def test_this_environment_can_convert() -> None:
    assert can_convert()


def test_what_the_machine_has_free(tmp_path: Path) -> None:
    assert 0 < host.free_memory() < 2**45
    free = os.statvfs(tmp_path)
    assert host.free_disk(tmp_path / "not" / "yet" / "there") == pytest.approx(free.f_bavail * free.f_frsize, rel=0.05)


def test_a_control_group_allows_less_than_the_machine_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("max", "1000000"), ("current", "900000"), ("stat", "anon 1\ninactive_file 5000\n")):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(host, "_CGROUP_V2", (tmp_path / "max", tmp_path / "current", tmp_path / "stat"))
    assert host.free_memory() == 105_000
    (tmp_path / "max").write_text("max\n")
    assert host.free_memory() > 10**6

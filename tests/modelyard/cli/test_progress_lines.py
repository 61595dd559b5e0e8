"""`--progress json`: nothing but JSON lines on standard output, the last of them the result or the error."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from modelyard.cli.progress_lines import ProgressLines
from tests.converters.checkpoints import write_checkpoint
from tests.modelyard.cli.running import ROOT, clean_environment, run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("checkpoints") / "tiny")


def test_a_conversion_tells_its_steps_and_its_result(folder: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    shown = run("convert", str(folder), "--progress", "json", repository=repository)
    assert (shown.returncode, shown.stderr) == (0, "")
    lines = [json.loads(line) for line in shown.stdout.splitlines()]
    steps = [line["step"] for line in lines if "step" in line]
    assert (steps[0], steps[-1]) == ("checking the checkpoint", "publishing")
    assert lines[-1] == {"result": {"name": "tiny", "already": False}}
    again = run("convert", str(folder), "--progress", "json", repository=repository)
    assert json.loads(again.stdout.splitlines()[-1]) == {"result": {"name": "tiny", "already": True}}


def test_an_error_is_the_last_line_and_the_exit_code_stays(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for arguments, code, name in (
        (("pull", "/no/hub/id"), 3, "SourceUnavailable"),
        (("convert", str(tmp_path / "empty")), 2, "BadCheckpoint"),  # for several reasons at once
    ):
        shown = run(*arguments, "--progress", "json", repository=tmp_path / "repository")
        assert shown.returncode == code
        error = json.loads(shown.stdout.splitlines()[-1])["error"]
        assert error["class"] == name
        assert f"error: {error['message']}" in shown.stderr


def test_a_reader_that_goes_away_ends_the_work(folder: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    with subprocess.Popen(
        [sys.executable, "-m", "modelyard", "convert", str(folder), "--progress", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=clean_environment(repository, {}),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "step" in process.stdout.readline()
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()
    assert process.returncode != 0
    assert not (repository / "tiny").exists()


def test_a_file_on_its_way_is_told_of_now_and_then_and_at_its_end() -> None:
    stream = io.StringIO()
    lines = ProgressLines(stream)
    for done in range(0, 100_001, 10):
        lines.downloaded("a.bin", done, 100_000)
    lines.downloaded("b.bin", 0, 5)
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    of_a = [line["done"] for line in told if line["file"] == "a.bin"]
    assert of_a[0] == 0
    assert of_a[-1] == 100_000
    assert len(of_a) < 1000
    assert told[-1] == {"file": "b.bin", "done": 0, "total": 5}

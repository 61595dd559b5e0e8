"""The command line in a process of its own, for tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def run(*arguments: str, repository: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """What `modelyard <arguments>` prints and returns."""
    return subprocess.run(
        [sys.executable, "-m", "modelyard", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=clean_environment(repository, environment),
        timeout=240,
        check=False,
    )


def clean_environment(repository: Path | None, more: dict[str, str]) -> dict[str, str]:
    """This process's environment without settings of ours or of the hub's library."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MODELYARD_", "HF_"))}
    chosen = {"MODELYARD_MODEL_REPOSITORY": str(repository)} if repository is not None else {}
    return {**kept, **chosen, **more}


def refused(shown: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """It ended with this exit code and one error that has these words, and no traceback."""
    assert shown.returncode == code, shown.stderr
    assert "Traceback" not in shown.stderr
    (error,) = [line for line in shown.stderr.splitlines() if line.startswith("error: ")]
    for word in words:
        assert word in shown.stderr, error

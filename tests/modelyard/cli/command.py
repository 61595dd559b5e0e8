"""The command line in a process of its own, without the settings of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def environment(repository: Path, **more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MODELYARD_", "HF_"))}
    return {**kept, "MODELYARD_MODEL_REPOSITORY": str(repository), **more}


def yard(repository: Path, *arguments: str, stdin: bytes = b"", **more: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "modelyard", *arguments],
        input=stdin,
        capture_output=True,
        cwd=ROOT,
        env=environment(repository, **more),
        timeout=540,  # names a command that hangs; wheels of a bundle may come from a slow index
        check=False,
    )


def printed(repository: Path, *arguments: str, stdin: bytes = b"", **more: str) -> str:
    """What a command that does its work prints."""
    shown = yard(repository, *arguments, stdin=stdin, **more)
    assert shown.returncode == 0, shown.stderr.decode()
    return shown.stdout.decode()


def refused(shown: subprocess.CompletedProcess[bytes], code: int, *words: str) -> None:
    said = shown.stderr.decode()
    assert shown.returncode == code, said
    assert "Traceback" not in said
    for word in words:
        assert word in said

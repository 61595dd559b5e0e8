"""What takes a minute to make is made by the first test process that needs it, and kept between runs."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import pytest
from filelock import FileLock

_ROOT = Path(__file__).resolve().parents[1]
_LIBRARIES = ("diffusers", "openvino", "optimum-intel", "transformers")


def made_once(config: pytest.Config, maker: Path, ingredients: Iterable[Path] = ()) -> Path:
    """The folder that the script `maker` writes at the path it is given; nobody may write into it.

    It is made anew when the script, one of the other ingredients, anything of the converters or a library is another
    one. A second process that needs it meanwhile waits, for two at once would take twice as long and each would find
    the other's in its place.
    """
    converters = sorted([*(_ROOT / "converters").rglob("*.py"), *(_ROOT / "modelyard").glob("*.py")])
    texts = b"".join(path.read_bytes() for path in (maker, *ingredients, *converters))
    texts += "".join(map(version, _LIBRARIES)).encode()
    kept = config.cache.mkdir(maker.stem) / hashlib.sha256(texts).hexdigest()[:16]
    with FileLock(f"{kept}.lock"):
        if not kept.exists():
            with tempfile.TemporaryDirectory(dir=kept.parent) as scratch:
                # In a process of its own: PyTorch would stay in this one's memory.
                command = [sys.executable, maker, f"{scratch}/made"]
                done = subprocess.run(command, check=False, capture_output=True, timeout=900, cwd=_ROOT)
                assert done.returncode == 0, done.stderr[-3000:].decode(errors="replace")
                Path(scratch, "made").rename(kept)
    return kept

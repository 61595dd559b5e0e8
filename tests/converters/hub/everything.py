"""What the tests of the hub share: taking all files, and looking at what came."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

LARGE = "model-00001-of-00002.safetensors"
OTHER = "model-00002-of-00002.safetensors"


def all_files(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names))


def same_files(folder: Path, original: Path) -> bool:
    names = sorted(path.relative_to(original).as_posix() for path in original.rglob("*") if path.is_file())
    return all((folder / name).read_bytes() == (original / name).read_bytes() for name in names)

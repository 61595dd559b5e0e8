"""GPUs that are found or assumed; a machine without a driver has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelyard.errors import FieldRefused
from modelyard.gpus import find_gpus, gpus_in_words


@pytest.mark.parametrize(
    ("words", "count", "memory", "capability"),
    [
        ("24GB", 1, 24 * 10**9, (8, 0)),
        ("2x80GB", 2, 80 * 10**9, (8, 0)),
        (" 16gb:7.5 ", 1, 16 * 10**9, (7, 5)),
        ("8X141GB:9", 8, 141 * 10**9, (9, 0)),
    ],
)
def test_gpus_in_words(words: str, count: int, memory: int, capability: tuple[int, int]) -> None:
    found = gpus_in_words(words)
    assert [(gpu.memory, gpu.compute_capability) for gpu in found] == [(memory, capability)] * count


@pytest.mark.parametrize("words", ["", "24", "GB", "0x24GB", "2x0GB", "x24GB", "24GB:", "24GB:8.x", "-1x24GB", "24GiB"])
def test_words_that_name_none(words: str) -> None:
    with pytest.raises(FieldRefused, match="2x80GB"):
        gpus_in_words(words)


def test_gpus_are_found_where_the_driver_is_and_only_there() -> None:
    found = find_gpus()
    assert bool(found) is Path("/proc/driver/nvidia/version").exists()
    assert all(gpu.name and gpu.memory > 2**30 and gpu.compute_capability >= (3, 0) for gpu in found)

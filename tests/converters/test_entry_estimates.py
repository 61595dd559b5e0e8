"""What serving takes is read from the entries themselves."""

from __future__ import annotations

import json
from pathlib import Path

from converters.estimates.entries import memory_of_entries
from converters.estimates.serving import ENGINE, SERVICE
from modelyard.entry import Entry
from tests.converters.conftest import Convert


def sizes_of(entry: Entry) -> int:
    return sum(file.stat().st_size for file in entry.version_folder.glob("*.bin"))


def test_weights_engine_and_cache_are_counted(converted: Convert) -> None:
    entry = converted("int8")
    config = json.loads((entry.version_folder / "config.json").read_text())
    numbers = 2 * config["num_hidden_layers"] * config["num_key_value_heads"] * 16
    needed = memory_of_entries([entry], context=64, concurrency=3)
    assert needed == SERVICE + ENGINE + sizes_of(entry) + 3 * 64 * numbers * 4  # a tiny model's cache has 32 bits


def test_the_service_is_counted_once(converted: Convert) -> None:
    one, two = (memory_of_entries([converted("int8")] * count) for count in (1, 2))
    assert two - one == one - SERVICE


def test_the_cache_is_no_longer_than_the_context(converted: Convert) -> None:
    entry = converted("int8")
    assert memory_of_entries([entry], context=10**9) == memory_of_entries([entry], context=512)


def test_an_entry_written_by_hand_counts_its_files(tmp_path: Path) -> None:
    entry = Entry(tmp_path / "by-hand")
    entry.version_folder.mkdir(parents=True)
    (entry.version_folder / "network.bin").write_bytes(bytes(1000))
    (entry.version_folder / "config.json").write_text("[1]")
    assert memory_of_entries([entry]) == SERVICE + ENGINE + 1000

"""A manifest that comes back as it was written, and one that cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelyard.entry import Entry
from modelyard.manifest import FileRecord, read_manifest, record_files
from tests.modelyard.catalog.entries import MANIFEST, write_entry


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    return write_entry(tmp_path, "m")


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"schema_version": 1}', "\xff"])
def test_a_manifest_that_cannot_be_read_is_none(damage: str, entry: Entry) -> None:
    entry.manifest.write_text(damage, encoding="latin-1")
    assert read_manifest(entry) is None


def test_a_manifest_of_a_later_version_is_left_alone_and_unknown_keys_are_no_harm(entry: Entry) -> None:
    before, content = read_manifest(entry), json.loads(entry.manifest.read_text())
    assert before is not None
    assert before.source == MANIFEST.source
    entry.manifest.write_text(json.dumps(content | {"added_later": 1}))
    assert read_manifest(entry) == before
    entry.manifest.write_text(json.dumps(content | {"schema_version": 2}))
    assert read_manifest(entry) is None


def test_files_are_recorded_by_size_and_digest_and_only_the_manifest_is_left_out(tmp_path: Path) -> None:
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # SHA-256 of "abc"
    (tmp_path / "1").mkdir()
    for name in ("config.pbtxt", "manifest.json", "1/manifest.json"):
        (tmp_path / name).write_text("abc")
    found = record_files(tmp_path)
    assert found == {"1/manifest.json": FileRecord(3, digest), "config.pbtxt": FileRecord(3, digest)}

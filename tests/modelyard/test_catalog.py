"""What is installed, hand-written entries included; and a manifest that comes back as it was written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelyard.catalog import installed, look_up, remove
from modelyard.entry import entries_in, entry_at, staging_root
from modelyard.errors import BadEntryName, EntryNotFound
from modelyard.manifest import Fidelity, FileRecord, Manifest, Source, read_manifest, record_files, write_manifest

MANIFEST = Manifest(
    name="m",
    task="text-generation",
    source=Source("hub", "someone/m", "0123456789abcdef"),
    architecture="LlamaForCausalLM",
    parameters=3_400_000,
    context_length=1024,
    precision="int8",
    device="CPU",
    settings={"precision": "int8"},
    created="2026-01-02T03:04:05+00:00",
    duration_s=12.5,
    tools={"openvino": "2026.4.1"},
    fidelity=Fidelity(0.99, 0.001, 300, "float32", True),
    files={"config.pbtxt": FileRecord(3, "abc")},
)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name in ("by-hand", "m"):
        (tmp_path / name / "1").mkdir(parents=True)
        (tmp_path / name / "config.pbtxt").write_text("abc")
    write_manifest(entry_at(tmp_path, "m"), MANIFEST)
    (tmp_path / "README.md").write_text("not an entry")
    (tmp_path / "empty").mkdir()
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def test_every_entry_is_listed_with_what_is_known_of_it(repository: Path) -> None:
    assert [(model.name, model.manifest) for model in installed(repository)] == [("by-hand", None), ("m", MANIFEST)]
    assert look_up(repository, "by-hand").size == 3


def test_a_repository_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert installed(tmp_path / "none") == []


def test_a_model_that_is_not_there_names_those_that_are(repository: Path) -> None:
    with pytest.raises(EntryNotFound, match="'other' does not exist; installed: by-hand, m"):
        look_up(repository, "other")
    with pytest.raises(BadEntryName):
        look_up(repository, "../m")


def test_a_removed_model_is_gone(repository: Path) -> None:
    remove(repository, "m")
    assert [entry.name for entry in entries_in(repository)] == ["by-hand"]
    assert list(staging_root(repository).iterdir()) == []


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"schema_version": 1}', "\xff"])
def test_a_manifest_that_cannot_be_read_is_none(damage: str, repository: Path) -> None:
    entry_at(repository, "m").manifest.write_text(damage, encoding="latin-1")
    assert read_manifest(entry_at(repository, "m")) is None


def test_a_manifest_of_a_later_version_is_left_alone_and_unknown_keys_are_no_harm(repository: Path) -> None:
    path = entry_at(repository, "m").manifest
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"added_later": 1}))
    assert read_manifest(entry_at(repository, "m")) == MANIFEST
    path.write_text(json.dumps(content | {"schema_version": 2}))
    assert read_manifest(entry_at(repository, "m")) is None


def test_files_are_recorded_by_size_and_digest(repository: Path) -> None:
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # SHA-256 of "abc"
    assert record_files(repository / "m") == {"config.pbtxt": FileRecord(3, digest)}

"""A copy is an entry of its own that shares the weights, and comes whole or not at all."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from modelyard.catalog import copying
from modelyard.catalog.copying import copy
from modelyard.catalog.integrity import verify
from modelyard.catalog.removal import remove
from modelyard.entry import Entry, entries_in, locked, staging_root
from modelyard.errors import EntryBusy, EntryDamaged, EntryExists, EntryNotFound, InvalidInput
from modelyard.manifest import read_manifest
from tests.modelyard.catalog.entries import LARGE, content_of, write_entry


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    write_entry(tmp_path / "repository", "m", weights=LARGE)
    return tmp_path / "repository"


def test_a_copy_shares_the_weights_and_bears_its_own_name(repository: Path) -> None:
    made = copy(repository, "m", "other")
    assert made.manifest is not None
    assert made.manifest.name == "other"
    assert read_manifest(Entry(repository / "other")) == made.manifest
    assert verify(repository, "other").good
    assert (repository / "m/1/weights.bin").samefile(repository / "other/1/weights.bin")
    assert not (repository / "m/config.pbtxt").samefile(repository / "other/config.pbtxt")


def test_the_copy_stays_when_the_original_goes(repository: Path) -> None:
    copy(repository, "m", "other")
    remove(repository, "m")
    assert verify(repository, "other").good


def test_where_files_cannot_be_linked_they_are_copied(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(copying.os, "link", refuse)
    copy(repository, "m", "other")
    assert verify(repository, "other").good
    assert not (repository / "m/1/weights.bin").samefile(repository / "other/1/weights.bin")


def test_the_name_in_a_hand_written_configuration_changes_too(repository: Path) -> None:
    write_entry(repository, "by-hand", manifest=False).config.write_text(
        'name: "by-hand"\ninput [{\n  name: "by-hand"\n}]\n'
    )
    assert copy(repository, "by-hand", "other").manifest is None
    assert (repository / "other/config.pbtxt").read_text() == 'name: "other"\ninput [{\n  name: "by-hand"\n}]\n'
    assert (repository / "by-hand/config.pbtxt").read_text().startswith('name: "by-hand"')


def test_what_is_there_is_replaced_only_on_demand(repository: Path) -> None:
    write_entry(repository, "other", weights=5)
    before = content_of(repository / "other")
    with pytest.raises(EntryExists):
        copy(repository, "m", "other")
    assert content_of(repository / "other") == before
    copy(repository, "m", "other", force=True)
    assert verify(repository, "other").good
    assert (repository / "other/1/weights.bin").stat().st_size == LARGE
    assert list(staging_root(repository).glob("*+*")) == []


def test_refusals_leave_nothing(repository: Path) -> None:
    with pytest.raises(InvalidInput, match="needs another name"):
        copy(repository, "m", "m", force=True)
    with pytest.raises(InvalidInput, match="cannot name a model"):
        copy(repository, "m", "../m")
    with pytest.raises(EntryNotFound):
        copy(repository, "none", "other")
    os.mkfifo(repository / "m/1/pipe")
    with pytest.raises(EntryDamaged, match="1/pipe is not a file"):
        copy(repository, "m", "other")
    assert [entry.name for entry in entries_in(repository)] == ["m"]
    assert list(staging_root(repository).glob("*+*")) == []


def test_a_model_that_is_being_converted_is_not_copied(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "locked", lambda *names: locked(*names, timeout_s=0))
    with locked(repository, "m"), pytest.raises(EntryBusy, match="'m' is being converted"):
        copy(repository, "m", "other")
    assert [entry.name for entry in entries_in(repository)] == ["m"]


def test_copies_that_go_opposite_ways_do_not_wait_for_each_other_for_ever(repository: Path) -> None:
    write_entry(repository, "a", weights=7)
    errors: list[Exception] = []

    def again_and_again(name: str, new: str) -> None:
        try:
            for _ in range(8):
                copy(repository, name, new, force=True)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=again_and_again, args=names) for names in (("a", "m"), ("m", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert verify(repository, "a").good
    assert verify(repository, "m").good

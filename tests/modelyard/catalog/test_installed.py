"""What is installed, hand-written entries included."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from modelyard.catalog.copying import copy
from modelyard.catalog.installed import installed, look_up
from modelyard.catalog.removal import remove
from modelyard.errors import BadEntryName, EntryNotFound
from modelyard.manifest import read_manifest
from tests.modelyard.catalog.entries import write_entry


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    write_entry(tmp_path, "m")
    (tmp_path / "by-hand" / "1").mkdir(parents=True)
    (tmp_path / "by-hand" / "config.pbtxt").write_text("abc")
    (tmp_path / "README.md").write_text("not an entry")
    (tmp_path / "empty").mkdir()
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def test_every_entry_is_listed_with_what_is_known_of_it(repository: Path) -> None:
    by_hand, m = installed(repository)
    assert (by_hand.name, by_hand.manifest, by_hand.size) == ("by-hand", None, 3)
    assert (m.name, m.manifest) == ("m", read_manifest(m.entry))
    assert m.manifest is not None


def test_a_repository_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert installed(tmp_path / "none") == []


def test_a_model_that_is_not_there_names_those_that_are(repository: Path) -> None:
    with pytest.raises(EntryNotFound, match="'other' does not exist; installed: by-hand, m"):
        look_up(repository, "other")
    with pytest.raises(BadEntryName):
        look_up(repository, "../m")


def test_a_list_made_while_models_come_and_go(repository: Path) -> None:
    stop = threading.Event()

    def come_and_go() -> None:
        while not stop.is_set():
            copy(repository, "m", "n")
            remove(repository, "n")

    thread = threading.Thread(target=come_and_go)
    thread.start()
    try:
        for _ in range(200):
            found = {model.name: model.size for model in installed(repository)}
            assert found["by-hand"] == 3
    finally:
        stop.set()
        thread.join()

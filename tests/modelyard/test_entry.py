"""Entries come to be by one rename: whatever happens meanwhile, what is in the repository is whole."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from modelyard import entry as entries
from modelyard.entry import Entry, checked_name, entries_in, entry_at, staged, staging_root
from modelyard.errors import BadEntryName, EntryExists

# Writes an entry of ten files that all say the same word, over and over, replacing the one before.
WRITER = """
import sys
from pathlib import Path
from modelyard.entry import staged
for number in range(100_000):
    with staged(Path(sys.argv[1]), "m", replace=True) as entry:
        entry.version_folder.mkdir()
        for part in range(10):
            (entry.version_folder / str(part)).write_text(str(number))
        entry.config.write_text(str(number))
    print(number, flush=True)
"""


def write(repository: Path, name: str, text: str, *, replace: bool = False) -> None:
    with staged(repository, name, replace=replace) as entry:
        entry.version_folder.mkdir()
        entry.config.write_text(text)


@pytest.mark.parametrize("name", ["a", "Qwen2.5-0.5B_Instruct", "0", "x" * 128])
def test_a_good_name(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "../x", "a/b", "a\\b", "a b", "x" * 129, "a\n", "-v", "é"])
def test_a_name_that_is_no_folder_of_the_repository(name: str) -> None:
    with pytest.raises(BadEntryName):
        checked_name(name)


def test_an_entry_appears_when_the_block_ends(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    with staged(repository, "m") as entry:
        entry.config.write_text("one")
        assert entries_in(repository) == []
        assert list(repository.iterdir()) == []
    assert [found.name for found in entries_in(repository)] == ["m"]
    assert entry_at(repository, "m").config.read_text() == "one"
    assert [path.name for path in staging_root(repository).iterdir()] == ["m.lock"]


def test_nothing_is_left_when_the_block_raises(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    with contextlib.suppress(RuntimeError), staged(repository, "m") as entry:
        entry.config.write_text("one")
        raise RuntimeError
    assert entries_in(repository) == []
    assert [path.name for path in staging_root(repository).iterdir()] == ["m.lock"]


@pytest.mark.parametrize("can_exchange", [True, False])
def test_replacing_needs_a_word_and_leaves_the_new_one(
    can_exchange: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not can_exchange:
        monkeypatch.setattr(entries, "_exchange", lambda one, other: False)
    write(tmp_path / "repository", "m", "one")
    with pytest.raises(EntryExists):
        write(tmp_path / "repository", "m", "two")
    write(tmp_path / "repository", "m", "two", replace=True)
    assert entry_at(tmp_path / "repository", "m").config.read_text() == "two"
    assert [path.name for path in staging_root(tmp_path / "repository").iterdir()] == ["m.lock"]


def test_an_entry_that_stepped_aside_comes_back(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    write(repository, "m", "one")
    # What a kill between the two renames leaves, on a system that cannot exchange folders.
    leftover = staging_root(repository) / "m+killed"
    leftover.mkdir()
    (repository / "m").rename(leftover / "replaced")
    with pytest.raises(EntryExists):
        write(repository, "m", "two", replace=False)
    assert entry_at(repository, "m").config.read_text() == "one"
    assert not leftover.exists()


def test_leftovers_of_other_names_stay(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    (staging_root(repository) / "m+killed").mkdir(parents=True)
    (staging_root(repository) / "m2+at-work").mkdir()
    write(repository, "m", "one")
    assert {path.name for path in staging_root(repository).iterdir()} == {"m.lock", "m2+at-work"}


def test_the_second_of_two_waits_and_finds_the_first_ones_entry(tmp_path: Path) -> None:
    repository, waited, outcome = tmp_path / "repository", threading.Event(), []

    def second() -> None:
        try:
            with staged(repository, "m", on_wait=waited.set):
                outcome.append("wrote")
        except EntryExists:
            outcome.append("exists")

    thread = threading.Thread(target=second)
    with staged(repository, "m") as entry:
        thread.start()
        assert waited.wait(10)
        entry.config.write_text("one")
    thread.join(10)
    assert outcome == ["exists"]


def test_a_writer_killed_at_any_moment_leaves_a_whole_entry(tmp_path: Path) -> None:
    repository, chance = tmp_path / "repository", random.Random(5)
    seen = set()
    for _ in range(12):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(repository)], stdout=subprocess.PIPE, start_new_session=True
        )
        assert writer.stdout is not None
        writer.stdout.readline()  # it is at work
        time.sleep(chance.uniform(0, 0.15))
        os.kill(writer.pid, signal.SIGKILL)
        writer.communicate()
        entry = _only_entry(repository)
        words = {path.read_text() for path in entry.version_folder.iterdir()} | {entry.config.read_text()}
        assert len(words) == 1
        assert len(list(entry.version_folder.iterdir())) == 10
        seen |= words
    write(repository, "m", "after", replace=True)
    assert _only_entry(repository).config.read_text() == "after"
    assert [path.name for path in staging_root(repository).iterdir()] == ["m.lock"]
    assert len(seen) > 1


def test_a_reader_never_meets_a_moment_without_the_entry(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    write(repository, "m", "0")
    stop, missing = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            try:
                (repository / "m" / "config.pbtxt").read_text()
            except OSError as error:
                missing.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(40):
        write(repository, "m", str(number), replace=True)
    stop.set()
    reader.join()
    assert missing == []


def _only_entry(repository: Path) -> Entry:
    (entry,) = entries_in(repository)
    assert [path.name for path in repository.iterdir()] == ["m"]
    return entry

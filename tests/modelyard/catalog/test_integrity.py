"""Whatever is done to the files of an entry is found, down to one bit."""

from __future__ import annotations

import json
import os
import random
import threading
from pathlib import Path

import pytest

from modelyard.catalog.copying import copy
from modelyard.catalog.integrity import Problem, candidates, is_safe, verify
from modelyard.entry import Entry
from modelyard.errors import EntryNotFound
from tests.modelyard.catalog.entries import write_entry


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    return write_entry(tmp_path / "repository", "m")


def problems(entry: Entry) -> list[tuple[str, str]]:
    return [(each.path, each.kind) for each in verify(entry.folder.parent, entry.name).problems]


def test_an_entry_as_it_was_made_is_good(entry: Entry) -> None:
    verdict = verify(entry.folder.parent, "m")
    assert verdict.good
    assert (verdict.files, verdict.size) == (4, 3000 + 8 + len(entry.config.read_bytes()))


def test_any_flipped_bit_is_found(entry: Entry) -> None:
    weights, chance = entry.version_folder / "weights.bin", random.Random(3)
    before = weights.read_bytes()
    for _ in range(20):
        place = chance.randrange(len(before) * 8)
        flipped = bytearray(before)
        flipped[place // 8] ^= 1 << place % 8
        weights.write_bytes(flipped)
        assert problems(entry) == [("1/weights.bin", "changed")]
    weights.write_bytes(before)
    assert problems(entry) == []


def test_all_that_differs_is_named(entry: Entry, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("secret")
    (entry.version_folder / "weights.bin").unlink()
    (entry.version_folder / "empty").write_text("x")
    (entry.version_folder / "added").write_text("x")
    (entry.version_folder / "link").symlink_to(tmp_path / "elsewhere")
    (entry.version_folder / "dangling").symlink_to("nothing")
    os.mkfifo(entry.version_folder / "pipe")
    (entry.version_folder / "tokenizer" / "folder").symlink_to(entry.version_folder)
    assert problems(entry) == [
        ("1/added", "extra"),
        ("1/dangling", "not-a-file"),
        ("1/empty", "changed"),
        ("1/link", "outside"),
        ("1/pipe", "not-a-file"),
        ("1/tokenizer/folder", "not-a-file"),
        ("1/weights.bin", "missing"),
    ]


def test_a_file_that_is_a_link_out_of_the_entry_is_found_though_its_content_is_right(entry: Entry) -> None:
    weights = entry.version_folder / "weights.bin"
    weights.rename(entry.folder.parent / "kept")
    weights.symlink_to("../../kept")
    (found,) = verify(entry.folder.parent, "m").problems
    assert found == Problem("1/weights.bin", "outside", "is a link to ../../kept")


def test_a_name_that_is_no_text_is_spelt_out(entry: Entry) -> None:
    (entry.version_folder / os.fsdecode(b"\xff\x1b[2J")).touch()
    assert problems(entry) == [(r"'1/\udcff\x1b[2J'", "extra")]


@pytest.mark.parametrize("damage", ["", "{", '{"schema_version": 1}'])
def test_a_manifest_that_cannot_be_read_is_a_problem(damage: str, entry: Entry) -> None:
    entry.manifest.write_text(damage)
    assert problems(entry) == [("manifest.json", "record")]


def test_a_manifest_that_points_elsewhere_reads_nothing_there(entry: Entry) -> None:
    content = json.loads(entry.manifest.read_text())
    content["files"]["../../secret"] = {"size": 1, "sha256": "0"}
    content["name"] = "another"
    entry.manifest.write_text(json.dumps(content))
    found = verify(entry.folder.parent, "m").problems
    assert [each.detail for each in found] == [
        "is that of 'another'",
        "names '../../secret', which is no file of an entry",
    ]


def test_an_entry_without_a_manifest_has_nothing_to_compare(tmp_path: Path) -> None:
    write_entry(tmp_path, "by-hand", manifest=False)
    verdict = verify(tmp_path, "by-hand")
    assert (verdict.recorded, verdict.problems, verdict.good) == (False, (), False)


def test_an_entry_that_lost_its_configuration_is_looked_at_too(entry: Entry) -> None:
    (entry.folder.parent / "no-entry").mkdir()
    entry.config.unlink()
    assert candidates(entry.folder.parent) == ["m"]
    assert problems(entry) == [("config.pbtxt", "missing")]
    with pytest.raises(EntryNotFound):
        verify(entry.folder.parent, "no-entry")
    with pytest.raises(EntryNotFound):
        verify(entry.folder.parent, "none")


def test_an_entry_that_is_replaced_meanwhile_is_read_again(entry: Entry) -> None:
    repository = entry.folder.parent
    write_entry(repository, "other", weights=9)
    stop = threading.Event()

    def replace_it() -> None:
        while not stop.is_set():
            copy(repository, "other", "m", force=True)
            stop.wait(0.02)

    thread = threading.Thread(target=replace_it)
    thread.start()
    try:
        for _ in range(20):
            assert verify(repository, "m").problems == ()
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("path", ["config.pbtxt", "1/weights.bin", "1/wörter.json", "1/a b", "1/..a"])
def test_a_path_in_an_entry(path: str) -> None:
    assert is_safe(path)


@pytest.mark.parametrize(
    "path",
    ["", ".", "..", "/etc/passwd", "../x", "1/../../x", "1/..", "./x", "1//x", "1/", "a\\b", "a\0b", "a\nb", "\ud800"],
)
def test_a_path_that_leads_elsewhere(path: str) -> None:
    assert not is_safe(path)


def test_a_path_that_is_too_long() -> None:
    assert not is_safe("é" * 128)
    assert not is_safe("/".join(["x" * 200] * 6))

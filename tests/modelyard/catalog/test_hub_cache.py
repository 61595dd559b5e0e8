"""Of a cache in the hub's layout, what an entry was made of stays, and so does what is new."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from modelyard.catalog.hub_cache import unneeded
from modelyard.manifest import Source
from tests.modelyard.catalog.entries import MANIFEST, content_of

KEPT, OLD, NEW = "a" * 40, "b" * 40, "c" * 40
LAST_WEEK = time.time() - 7 * 86_400
ENTRY = replace(MANIFEST, source=Source("hub", "org/model", KEPT))


def fetch(cache: Path, model: str, commit: str, files: dict[str, str], *, when: float) -> Path:
    """Put a snapshot there, as a download would have at that time. `files` are blobs by their path."""
    folder = cache / f"models--{model.replace('/', '--')}"
    for path, blob in files.items():
        (folder / "blobs").mkdir(parents=True, exist_ok=True)
        (folder / "blobs" / blob).write_bytes(blob.encode() * 100)
        link = folder / "snapshots" / commit / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(folder / "blobs" / blob, link.parent))
        for each in (folder / "blobs" / blob, link, link.parent, folder / "snapshots" / commit):
            os.utime(each, (when, when), follow_symlinks=False)
    (folder / "refs").mkdir(exist_ok=True)
    (folder / "refs" / "main").write_text(commit)
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    folder = fetch(tmp_path, "org/model", KEPT, {"weights": "one", "sub/config": "shared"}, when=LAST_WEEK)
    fetch(tmp_path, "org/model", OLD, {"weights": "two", "sub/config": "shared"}, when=LAST_WEEK)
    fetch(tmp_path, "org/gone", OLD, {"weights": "three"}, when=LAST_WEEK)
    fetch(tmp_path, "org/new", NEW, {"weights": "four"}, when=time.time() - 600)
    for name, when in (("five.incomplete", LAST_WEEK), ("six.incomplete", time.time())):
        (folder / "blobs" / name).write_bytes(b"part")
        os.utime(folder / "blobs" / name, (when, when))
    (tmp_path / "datasets--org--data" / "blobs").mkdir(parents=True)
    return tmp_path


def paths(cache: Path) -> set[str]:
    return {path.relative_to(cache).as_posix() for path in cache.rglob("*") if not path.is_dir() or path.is_symlink()}


def test_what_no_entry_was_made_of_goes(cache: Path) -> None:
    found = unneeded(cache, [ENTRY], dry_run=False)
    assert {each.path.relative_to(cache).as_posix() for each in found if each.path.parent.name == "blobs"} == {
        "models--org--model/blobs/two",
        "models--org--model/blobs/five.incomplete",
        "models--org--gone/blobs/three",
    }
    assert sum(each.size for each in found if each.path.parent.name == "blobs") == 300 + 4 + 500
    assert paths(cache) == {
        "models--org--model/blobs/one",
        "models--org--model/blobs/shared",
        "models--org--model/blobs/six.incomplete",
        f"models--org--model/snapshots/{KEPT}/weights",
        f"models--org--model/snapshots/{KEPT}/sub/config",
        "models--org--new/blobs/four",
        "models--org--new/refs/main",
        f"models--org--new/snapshots/{NEW}/weights",
    }
    assert (cache / f"models--org--model/snapshots/{KEPT}/sub/config").read_bytes() == b"shared" * 100
    assert not (cache / "models--org--gone").exists()
    assert (cache / "datasets--org--data").exists()
    assert unneeded(cache, [ENTRY], dry_run=False) == []


def test_a_dry_run_says_the_same_and_removes_nothing(cache: Path) -> None:
    before = content_of(cache)
    planned = unneeded(cache, [ENTRY], dry_run=True)
    assert content_of(cache) == before
    assert unneeded(cache, [ENTRY], dry_run=False) == planned


def test_no_link_is_followed_out_of_the_cache(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "file").write_text("x")
    os.utime(outside / "file", (LAST_WEEK, LAST_WEEK))
    (cache / "models--org--link").symlink_to(outside)
    (cache / "models--org--gone" / "blobs" / "link").symlink_to(outside / "file")
    (cache / "models--org--gone" / "snapshots" / "link").symlink_to(outside)
    unneeded(cache, [ENTRY], dry_run=False)
    assert (outside / "file").read_text() == "x"


def test_a_cache_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    assert unneeded(tmp_path / "none", [], dry_run=False) == []

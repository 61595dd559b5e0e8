"""What killed processes left behind goes, what is at work stays, and a dry run changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelyard import ovms_config, usage
from modelyard.catalog.copying import copy
from modelyard.catalog.garbage import conversions_at_work, half_conversions, old_notes
from modelyard.entry import entries_in, locked, staged, staging_root
from tests.modelyard.catalog.entries import LARGE, write_entry


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    write_entry(tmp_path / "repository", "m", weights=LARGE)
    return tmp_path / "repository"


def killed(repository: Path, name: str, size: int) -> Path:
    """What a conversion to this name leaves when it is killed."""
    folder = staging_root(repository) / f"{name}+killed" / name
    folder.mkdir(parents=True)
    (folder / "half").write_bytes(bytes(size))
    return folder.parent


def test_what_was_left_behind_goes_and_its_bytes_are_told(repository: Path) -> None:
    one, two = killed(repository, "m", 1000), killed(repository, "other", 7)
    planned = half_conversions(repository, dry_run=True)
    assert [(each.path, each.size) for each in planned] == [(one, 1000), (two, 7)]
    assert one.exists()
    assert two.exists()
    assert half_conversions(repository, dry_run=False) == planned
    assert list(staging_root(repository).glob("*+*")) == []
    assert [entry.name for entry in entries_in(repository)] == ["m"]
    assert half_conversions(repository, dry_run=False) == []


def test_what_is_at_work_stays(repository: Path) -> None:
    with staged(repository, "other") as entry:
        entry.config.write_text("half")
        assert half_conversions(repository, dry_run=False) == []
        assert conversions_at_work(repository) == ["other"]
        entry.config.write_text("whole")
    assert conversions_at_work(repository) == []
    assert (repository / "other/config.pbtxt").read_text() == "whole"


def test_the_lock_of_another_servers_configuration_is_no_conversion(repository: Path) -> None:
    ovms_config.list_entry(repository, "m", device="CPU")
    assert list(staging_root(repository).glob(".*.lock"))
    assert conversions_at_work(repository) == []
    with locked(repository, "m"):
        assert conversions_at_work(repository) == ["m"]


def test_bytes_that_are_shared_are_not_freed(repository: Path) -> None:
    copy(repository, "m", "copy")
    grave = staging_root(repository) / "copy+killed"
    grave.mkdir()
    (repository / "copy").rename(grave / "removed")
    (found,) = half_conversions(repository, dry_run=True)
    assert 0 < found.size < LARGE


def test_an_entry_that_stepped_aside_goes_back_and_is_not_lost(repository: Path) -> None:
    leftover = staging_root(repository) / "m+killed"
    leftover.mkdir(parents=True)
    (repository / "m").rename(leftover / "replaced")
    half_conversions(repository, dry_run=False)
    assert [entry.name for entry in entries_in(repository)] == ["m"]


def test_a_folder_that_is_not_ours_stays(repository: Path) -> None:
    foreign = staging_root(repository) / "not a name+x"
    foreign.mkdir(parents=True)
    assert half_conversions(repository, dry_run=False) == []
    assert foreign.exists()


def test_the_last_use_of_a_model_that_is_gone_is_forgotten(repository: Path) -> None:
    usage.record(repository, "m")
    usage.record(repository, "gone")
    old_notes(repository, dry_run=True)
    assert usage.last_used(repository, "gone") is not None
    old_notes(repository, dry_run=False)
    assert usage.last_used(repository, "gone") is None
    assert usage.last_used(repository, "m") is not None


def test_nothing_to_do_where_nothing_is(tmp_path: Path) -> None:
    assert half_conversions(tmp_path / "none", dry_run=False) == []
    old_notes(tmp_path / "none", dry_run=False)
    with locked(tmp_path / "none", "m"):
        assert conversions_at_work(tmp_path / "none") == ["m"]

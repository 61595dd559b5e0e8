"""The tar that is written: what other programs make of it, and that it appears whole or not at all."""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.deployment.bundle.archive import BundleWriter, _header, check_target, written_whole
from modelyard.deployment.bundle.layout import CHECKSUMS
from modelyard.deployment.bundle.opened import opened
from modelyard.errors import FileExists, InvalidInput

LONG = "deploy/" + "/".join(["folder" * 10] * 4) + "/file.yml"


def written(file: Path, content: dict[str, list[bytes]]) -> Path:
    with written_whole(file) as stream:
        writer = BundleWriter(stream)
        for path, pieces in content.items():
            writer.add(path, pieces, executable=path.endswith(".sh"))
        writer.finish()
    return file


def test_tar_unpacks_it_byte_for_byte(tmp_path: Path) -> None:
    content = {"install.sh": [b"#!/bin/sh\n"], "empty": [], LONG: [b"a" * 511, b"b" * 2], "block": [bytes(512)]}
    file = written(tmp_path / "b.tar", content)
    (tmp_path / "out").mkdir()
    subprocess.run(["tar", "-xf", str(file), "-C", str(tmp_path / "out")], check=True)
    for path, pieces in content.items():
        assert (tmp_path / "out" / path).read_bytes() == b"".join(pieces)
    assert (tmp_path / "out/install.sh").stat().st_mode & 0o100
    assert not (tmp_path / "out" / LONG).stat().st_mode & 0o100


def test_files_can_be_read_in_turns(tmp_path: Path) -> None:
    file = written(tmp_path / "b.tar", {"a": [b"a" * 3_000_000], LONG: [b"b" * 3_000_000], CHECKSUMS: []})
    with opened(file) as bundle, bundle.open("a") as first, bundle.open(LONG) as second:
        pieces = [(first.read(700_001), second.read(500_000)) for _ in range(8)]
    assert b"".join(a for a, _ in pieces) == b"a" * 3_000_000
    assert b"".join(b for _, b in pieces) == b"b" * 3_000_000


@pytest.mark.parametrize("size", [0, 8 * 2**30 - 1, 8 * 2**30, 200 * 2**30])
def test_a_header_is_as_long_for_every_size_and_says_it(size: int) -> None:
    for path in ("images/x.tar", LONG):
        header = _header(path, size, executable=False)
        assert len(header) == len(_header(path, 0, executable=False))
        assert tarfile.TarInfo.frombuf(header[-512:], "utf-8", "strict").size == size


def test_a_failure_half_way_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "b.tar"
    file.write_bytes(b"earlier")

    def breaking() -> Iterator[bytes]:
        yield b"x" * 100_000
        raise RuntimeError("the engine went away")

    with pytest.raises(RuntimeError), written_whole(file) as stream:
        BundleWriter(stream).add("images/x.tar", breaking())
    assert file.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [file]


def test_what_is_there_is_replaced_only_when_that_was_said(tmp_path: Path) -> None:
    (tmp_path / "b.tar").touch()
    with pytest.raises(FileExists):
        check_target(tmp_path / "b.tar", force=False)
    check_target(tmp_path / "b.tar", force=True)
    with pytest.raises(InvalidInput, match="is a folder"):
        check_target(tmp_path, force=True)

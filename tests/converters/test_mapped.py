"""Pages of a mapped file go and come back; a page that was changed stays."""

from __future__ import annotations

import mmap
import re
from pathlib import Path

import pytest

from converters.mapped import give_back, giving_back

SIZE = 8 * 2**20


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "weights.bin"
    path.write_bytes(bytes(range(256)) * (SIZE // 256))
    return path


def resident(file: Path) -> int:
    """Bytes of the file that this process has in memory."""
    found = 0
    inside = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            inside = line.endswith(f" {file}")
        elif inside and line.startswith("Rss:"):
            found += int(line.split()[1]) * 1024
    return found


@pytest.mark.parametrize("access", [mmap.ACCESS_READ, mmap.ACCESS_COPY])
def test_pages_that_were_read_go_and_come_back(file: Path, access: int) -> None:
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=access) as mapped:
        before = bytes(mapped)
        assert resident(file) == SIZE
        give_back(file)
        assert resident(file) == 0
        assert bytes(mapped) == before


def test_a_link_is_followed(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.bin"
    link.symlink_to(file)  # as the hub's cache has them
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert len(bytes(mapped)) == resident(file)
        give_back(link)
        assert resident(file) == 0


def test_a_mapping_with_a_changed_page_is_left_alone(file: Path) -> None:
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY) as mapped:
        mapped[5] = 99
        give_back(file)
        assert mapped[5] == 99


def test_pages_go_while_a_block_runs(file: Path) -> None:
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        with giving_back(file):
            before = bytes(mapped)
            while resident(file):
                pass
        assert bytes(mapped) == before

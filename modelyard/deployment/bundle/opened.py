"""A bundle to read from, as one file or as the folder that it was unpacked into: names, sizes and bytes.

Refuses whatever is not a plain file with a path that stays inside. Trusts nothing else of what it finds, and does
not know what the files should be.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from modelyard.catalog.archive import BLOCK, padding, read_header
from modelyard.catalog.integrity import is_safe, printable
from modelyard.deployment.bundle.layout import CHECKSUMS
from modelyard.deployment.errors import BundleDamaged
from modelyard.errors import ArchiveDamaged, SourceUnavailable

_MAX_FILES = 100_000
_MAX_TAIL = 64 * 2**10  # bytes of zeros after the end, as tar itself pads


class Bundle(Protocol):
    """`name` is for people; `sizes` has the bytes of every file by its path."""

    @property
    def name(self) -> str: ...

    @property
    def sizes(self) -> Mapping[str, int]: ...

    def open(self, path: str) -> BinaryIO:
        """One file of it, from its start."""
        ...


@contextmanager
def opened(place: Path) -> Iterator[Bundle]:
    """Raises SourceUnavailable, and BundleDamaged for what no bundle of ours could hold."""
    if place.is_dir():
        yield FolderBundle(place)
        return
    try:
        stream = place.open("rb")
    except OSError as error:
        raise SourceUnavailable(f"{place} cannot be read: {error.strerror}") from error
    with stream:
        yield TarBundle(stream, str(place))


class FolderBundle:
    """The folder that `tar -x` made of a bundle."""

    def __init__(self, folder: Path) -> None:
        self.name = str(folder)
        self._folder = folder
        self.sizes: dict[str, int] = {}
        problems = []
        for parent, folders, files in os.walk(folder, onerror=_unreadable):
            for name in sorted(folders + files):
                found = Path(parent, name)
                mode, path = found.lstat().st_mode, found.relative_to(folder).as_posix()
                if stat.S_ISDIR(mode):
                    continue
                if not stat.S_ISREG(mode):
                    problems.append(f"{printable(path)} is not a plain file")
                elif not is_safe(path):
                    problems.append(f"{printable(path)} is not a path that a bundle may have")
                else:
                    self.sizes[path] = found.stat().st_size
        if problems:
            raise BundleDamaged(self.name, problems)

    def open(self, path: str) -> BinaryIO:
        return (self._folder / path).open("rb")


def _unreadable(error: OSError) -> None:
    raise SourceUnavailable(f"{error.filename} cannot be read: {error.strerror}") from error


@dataclass(frozen=True)
class _Place:
    offset: int
    size: int  # bytes


class TarBundle:
    """The tar as it is: its headers are read once, its files where they lie."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.name = name
        self._stream = stream
        self._places: dict[str, _Place] = {}
        try:
            self._scan(stream.seek(0, os.SEEK_END))
        except ArchiveDamaged as damaged:
            raise BundleDamaged(name, [damaged.why]) from damaged
        self.sizes: dict[str, int] = {path: place.size for path, place in self._places.items()}

    def _scan(self, end: int) -> None:
        self._stream.seek(0)
        problems = []
        while (member := read_header(self._stream, self.name)) is not None:
            place = _Place(self._stream.tell(), member.size)
            if not is_safe(member.name):
                problems.append(f"{printable(member.name)!r} is not a path that a bundle may have")
            elif member.name in self._places:
                problems.append(f"{member.name} is in it twice")
            elif len(self._places) == _MAX_FILES:
                raise ArchiveDamaged(self.name, f"it has more than {_MAX_FILES} files")
            self._places.setdefault(member.name, place)
            if place.offset + place.size + padding(place.size) > end:
                problems.append(f"it was cut off within {printable(member.name)}")
                break
            self._stream.seek(place.size + padding(place.size), os.SEEK_CUR)
        else:
            problems += self._of_the_end(end)
        if problems:
            raise BundleDamaged(self.name, problems)

    def _of_the_end(self, end: int) -> list[str]:
        """The reader stands behind the first block of zeros, or where the file ends without one."""
        if CHECKSUMS not in self._places and self._places:
            return [f"it was cut off before {CHECKSUMS}, or is no bundle"]
        rest = end - self._stream.tell()
        if rest < BLOCK:
            return ["it was cut off at its end"]
        if rest > _MAX_TAIL or self._stream.read(rest).strip(b"\0"):
            return ["something was appended to it"]
        return []

    def open(self, path: str) -> BinaryIO:
        place = self._places[path]
        return io.BufferedReader(_Part(self._stream, place.offset, place.size), 2**20)


class _Part(io.RawIOBase):
    """A file within the tar. Several may be read in turns, since each goes back to its own place."""

    def __init__(self, stream: BinaryIO, offset: int, size: int) -> None:
        self._stream, self._offset, self._left = stream, offset, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stubs of 3.10 and 3.12 differ
        self._stream.seek(self._offset)
        piece = self._stream.read(min(len(buffer), self._left))
        buffer[: len(piece)] = piece
        self._offset += len(piece)
        self._left -= len(piece)
        return len(piece)

"""The bundle's tar, written as it comes: a file's size and digest are known only when its last byte went by.

The header is therefore written twice, the second time in place. The list of checksums and its signature come last.
Knows bytes, paths and the disk; does not know what the files are for.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from modelyard.catalog.archive import BLOCK, padding
from modelyard.errors import FileExists, InvalidInput, NotEnoughDisk
from modelyard.host import free_disk
from modelyard.manifest import FileRecord

PIECE = 2**20  # bytes


class BundleWriter:
    """Adds files to a tar. `files` is what was added so far."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.files: dict[str, FileRecord] = {}

    @contextmanager
    def file(self, path: str, *, executable: bool = False) -> Iterator[BinaryIO]:
        """A stream to write one file into; it is in the bundle when the block ends."""
        start = self._stream.tell()
        self._stream.write(_header(path, 0, executable=executable))
        entering = _Hashed(self._stream)
        yield cast(BinaryIO, entering)
        self._stream.write(bytes(padding(entering.size)))
        end = self._stream.tell()
        self._stream.seek(start)
        self._stream.write(_header(path, entering.size, executable=executable))
        self._stream.seek(end)
        self.files[path] = FileRecord(entering.size, entering.digest.hexdigest())

    def add(self, path: str, pieces: Iterable[bytes], *, executable: bool = False) -> None:
        with self.file(path, executable=executable) as entering:
            for piece in pieces:
                entering.write(piece)

    def add_file(self, path: str, file: Path) -> None:
        self.add(path, pieces_of(file), executable=os.access(file, os.X_OK))

    def finish(self) -> None:
        self._stream.write(bytes(2 * BLOCK))


class _Hashed:
    """What passes through on its way into the tar, counted and digested."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.size = 0
        self.digest = hashlib.sha256()

    def write(self, piece: bytes) -> int:
        self.size += len(piece)
        self.digest.update(piece)
        return self._stream.write(piece)


def _header(path: str, size: int, *, executable: bool) -> bytes:
    """As long for one size as for another, so that it can be written again. No time and no owner are in it."""
    info = tarfile.TarInfo(path)
    info.size, info.mode = size, 0o755 if executable else 0o644
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict")


def pieces_of(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while piece := stream.read(PIECE):
            yield piece


def check_target(file: Path, *, force: bool) -> None:
    """Raises what `written_whole` would raise only after hours of work."""
    if file.is_dir():
        raise InvalidInput(f"{file} is a folder", field="file", hint=f"name the file in it: {file / 'modelyard.tar'}")
    if file.exists() and not force:
        raise FileExists(file)


@contextmanager
def written_whole(file: Path) -> Iterator[BinaryIO]:
    """A stream that becomes `file` by one rename when the block ends well, and nothing otherwise."""
    partial = file.with_name(f".{file.name}-{secrets.token_hex(4)}.partial")
    try:
        with partial.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, file)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            folder = file.absolute().parent
            raise NotEnoughDisk(folder, partial.stat().st_size, free_disk(folder)) from error
        raise
    finally:
        partial.unlink(missing_ok=True)

"""An entry into one archive: only what is whole goes out.

Reads each file once where there is a manifest, and compares as it writes. Knows the repository and files or pipes.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from modelyard.catalog.archive import BLOCK, INDEX, Index, header, padding
from modelyard.catalog.installed import everything_in, look_up
from modelyard.catalog.integrity import is_safe, printable
from modelyard.entry import MANIFEST_FILE, Entry, locked
from modelyard.errors import EntryDamaged, FileExists, InvalidInput, NotEnoughDisk
from modelyard.host import free_disk
from modelyard.manifest import FileRecord, record_files

_PIECE = 2**20  # bytes


def export_to(repository: Path, name: str, file: Path, *, force: bool = False) -> Index:
    """Write the archive as a file: whole, or not at all.

    Raises EntryNotFound, EntryBusy, EntryDamaged, FileExists when the file is there and `force` is not set,
    NotEnoughDisk.
    """
    size = look_up(repository, name).size
    if file.is_dir():
        raise InvalidInput(f"{file} is a folder", field="file", hint=f"name the file in it: {file / f'{name}.tar'}")
    if file.exists() and not force:
        raise FileExists(file)
    if (free := free_disk(file.absolute().parent)) < size:
        raise NotEnoughDisk(file.absolute().parent, size, free)
    partial = file.with_name(f".{file.name}-{secrets.token_hex(4)}.partial")
    try:
        with partial.open("xb") as stream:
            index = export(repository, name, stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, file)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NotEnoughDisk(file.absolute().parent, size, free_disk(file.absolute().parent)) from error
        raise
    finally:
        partial.unlink(missing_ok=True)
    return index


def export(repository: Path, name: str, stream: BinaryIO) -> Index:
    """Write the archive into a stream. When this raises, what was written so far is no archive."""
    with locked(repository, name):  # so that no conversion replaces it, and no removal deletes it, half-way
        installed = look_up(repository, name)
        entry, manifest = installed.entry, installed.manifest
        recorded = dict(manifest.files) if manifest is not None else record_files(entry.folder)
        _check(entry, recorded, has_manifest=manifest is not None)
        index = Index(name, manifest, dict(sorted(recorded.items())))
        head = index.to_bytes(entry.manifest.read_bytes() if manifest is not None else None)
        stream.write(header(INDEX, len(head)) + head + bytes(padding(len(head))))
        for path, record in index.files.items():
            stream.write(header(f"{name}/{path}", record.size))
            for piece in _pieces(entry, path, record):
                stream.write(piece)
            stream.write(bytes(padding(record.size)))
        stream.write(bytes(2 * BLOCK))
    return index


def _check(entry: Entry, recorded: dict[str, FileRecord], *, has_manifest: bool) -> None:
    """What can be seen without reading the files."""
    there = {path.relative_to(entry.folder).as_posix() for path in everything_in(entry.folder)} - {MANIFEST_FILE}
    if not has_manifest and os.path.lexists(entry.manifest):
        raise EntryDamaged(entry.name, f"{MANIFEST_FILE} cannot be read")
    if differ := sorted(there ^ recorded.keys()):
        why = "is not in the manifest" if differ[0] in there else "is missing"
        raise EntryDamaged(entry.name, f"{printable(differ[0])} {why}")
    for path in recorded:
        if not is_safe(path) or (entry.folder / path).is_symlink() or not (entry.folder / path).is_file():
            raise EntryDamaged(entry.name, f"{printable(path)} cannot go into an archive")


def _pieces(entry: Entry, path: str, record: FileRecord) -> Iterator[bytes]:
    """A file's bytes; raises EntryDamaged at the end when they are not those that were recorded."""
    digest, left = hashlib.sha256(), record.size
    with (entry.folder / path).open("rb") as file:
        while piece := file.read(min(_PIECE, left)):
            left -= len(piece)
            digest.update(piece)
            yield piece
        if left or file.read(1) or digest.hexdigest() != record.sha256:
            raise EntryDamaged(entry.name, f"{path} has changed")

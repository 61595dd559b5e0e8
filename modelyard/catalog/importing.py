"""An archive into the repository: every byte is checked on its way, and the entry is published whole or not at all.

Writes in the staging root only. Trusts nothing that the archive says before it has compared it.
"""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from modelyard import ovms_config
from modelyard.catalog.archive import Index, padding, read_exactly, read_header, read_index
from modelyard.catalog.installed import Installed
from modelyard.catalog.renaming import give_name
from modelyard.entry import Entry, checked_name, staged, staging_root
from modelyard.errors import ArchiveDamaged, NotEnoughDisk, SourceUnavailable
from modelyard.host import free_disk
from modelyard.manifest import FileRecord

_PIECE = 2**20  # bytes


def import_from(
    repository: Path,
    file: Path,
    *,
    name: str | None = None,
    force: bool = False,
    on_wait: Callable[[], None] | None = None,
) -> Installed:
    """Publish the entry of an archive file. Raises what `import_stream` does, and SourceUnavailable."""
    try:
        stream = file.open("rb")
    except OSError as error:
        raise SourceUnavailable(f"{file} cannot be read: {error.strerror}") from error
    with stream:
        return import_stream(repository, stream, str(file), name=name, force=force, on_wait=on_wait)


def import_stream(
    repository: Path,
    stream: BinaryIO,
    source: str,
    *,
    name: str | None = None,
    force: bool = False,
    on_wait: Callable[[], None] | None = None,
) -> Installed:
    """Publish the entry of an archive that comes through a stream; `source` names it in errors.

    Raises ArchiveDamaged, EntryExists when an entry has the name and `force` is not set, NotEnoughDisk.
    """
    if name is not None:
        checked_name(name)
    index = read_index(stream, source)
    name = name or index.name
    room = free_disk(staging_root(repository))
    if room < index.size:
        raise NotEnoughDisk(staging_root(repository), index.size, room)
    with staged(repository, name, replace=force, on_wait=on_wait) as entry:
        try:
            _unpack(index, stream, entry, source)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                where = staging_root(repository)
                raise NotEnoughDisk(where, index.size, free_disk(where)) from error
            raise
        manifest = give_name(entry, index.name, name, index.manifest)
    ovms_config.list_if_served(repository, name, manifest)
    return Installed(Entry(repository / name), manifest)


def _unpack(index: Index, stream: BinaryIO, entry: Entry, source: str) -> None:
    for path, record in index.files.items():
        member = read_header(stream, source)
        if member is None:
            raise ArchiveDamaged(source, f"it ends before {path}")
        if member.name != f"{index.name}/{path}":
            raise ArchiveDamaged(source, f"it has {member.name!r} where {path} should be")
        if member.size != record.size:
            raise ArchiveDamaged(source, f"{path} has {member.size} bytes instead of {record.size}")
        target = entry.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(target, stream, record, path, source)
        read_exactly(stream, padding(record.size), source)
    if (member := read_header(stream, source)) is not None:
        raise ArchiveDamaged(source, f"it has {member.name!r}, which its index does not name")


def _write(target: Path, stream: BinaryIO, record: FileRecord, path: str, source: str) -> None:
    digest, left = hashlib.sha256(), record.size
    with target.open("xb") as file:
        while left:
            piece = read_exactly(stream, min(_PIECE, left), source)
            left -= len(piece)
            digest.update(piece)
            file.write(piece)
    if digest.hexdigest() != record.sha256:
        raise ArchiveDamaged(source, f"the SHA-256 of {path} is not the one that was recorded")

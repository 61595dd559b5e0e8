"""The models that are installed: look one up, list them.

Reads folders and manifests; an entry that somebody wrote by hand has no manifest, and that is fine. Asks no server.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from modelyard.entry import Entry, entries_in, entry_at
from modelyard.errors import EntryNotFound
from modelyard.manifest import Manifest, read_manifest


@dataclass(frozen=True)
class Installed:
    """An entry and what is recorded of it."""

    entry: Entry
    manifest: Manifest | None

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def size(self) -> int:
        """Bytes on disk; what is removed while one looks is not counted."""
        total = 0
        for folder, _, files in os.walk(self.entry.folder):
            for file in files:
                with contextlib.suppress(OSError):
                    total += Path(folder, file).stat().st_size
        return total

    @property
    def digest(self) -> str:
        """SHA-256, in hexadecimal digits, of what the files are: the same for a copy, another when one of them changes.

        Of an entry without a manifest the configuration is read, and the other files count by name and size.
        """
        digest = hashlib.sha256()
        if self.manifest is not None:
            for path, record in sorted(self.manifest.files.items()):
                digest.update(f"{path}\0{record.sha256}\n".encode())
            return digest.hexdigest()
        with contextlib.suppress(OSError):
            digest.update(self.entry.config.read_bytes())
        with contextlib.suppress(OSError):
            for file in everything_in(self.entry.folder):
                name = file.relative_to(self.entry.folder).as_posix()
                digest.update(f"{name}\0{file.lstat().st_size}\n".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


def installed(repository: Path) -> list[Installed]:
    """Every entry of the repository, by name."""
    return [Installed(entry, read_manifest(entry)) for entry in entries_in(repository)]


def look_up(repository: Path, name: str) -> Installed:
    """The entry of that name, else EntryNotFound."""
    entry = entry_at(repository, name)
    if not entry.exists():
        raise EntryNotFound(name, [other.name for other in entries_in(repository)])
    return Installed(entry, read_manifest(entry))


def everything_in(folder: Path) -> Iterator[Path]:
    """All that lies below a folder and is not a folder itself, links and oddities included; no link is followed."""
    for item in sorted(os.scandir(folder), key=lambda item: item.name):
        if item.is_dir(follow_symlinks=False):
            yield from everything_in(Path(item.path))
        else:
            yield Path(item.path)


def bytes_freed_with(path: Path) -> int:
    """Bytes that the disk has more when this file or folder is removed: what is linked elsewhere too stays."""
    found = everything_in(path) if path.is_dir() and not path.is_symlink() else [path]
    figures = [each.lstat() for each in found]
    return sum(figure.st_size for figure in figures if figure.st_nlink == 1)

"""The models that are installed: look one up, list them, remove one.

Reads folders and manifests; an entry that somebody wrote by hand has no manifest, and that is fine. Asks no server.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from modelyard.entry import Entry, entries_in, entry_at, staging_root
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
        """Bytes on disk."""
        return sum(path.stat().st_size for path in self.entry.folder.rglob("*") if path.is_file())


def installed(repository: Path) -> list[Installed]:
    """Every entry of the repository, by name."""
    return [Installed(entry, read_manifest(entry)) for entry in entries_in(repository)]


def look_up(repository: Path, name: str) -> Installed:
    """The entry of that name, else EntryNotFound."""
    entry = entry_at(repository, name)
    if not entry.exists():
        raise EntryNotFound(name, [other.name for other in entries_in(repository)])
    return Installed(entry, read_manifest(entry))


def remove(repository: Path, name: str) -> None:
    """Take an entry out of the repository in one step, then delete its files."""
    entry = look_up(repository, name).entry
    root = staging_root(repository)
    root.mkdir(parents=True, exist_ok=True)
    grave = Path(tempfile.mkdtemp(prefix=f"{name}+", dir=root))
    entry.folder.rename(grave / "removed")
    shutil.rmtree(grave, ignore_errors=True)

"""Is an entry what its manifest says: every file there, unchanged, and nothing beside them.

Reads every byte; changes nothing, and takes no lock.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from modelyard.catalog.installed import everything_in
from modelyard.entry import CONFIG_FILE, MANIFEST_FILE, Entry, checked_name, entries_in, entry_at
from modelyard.errors import BadEntryName, EntryBusy, EntryNotFound
from modelyard.manifest import FileRecord, Manifest, read_manifest, sha256_of

_ATTEMPTS = 5  # of an entry that is replaced again and again while it is read

Kind = Literal["missing", "extra", "changed", "unreadable", "outside", "not-a-file", "record"]


@dataclass(frozen=True)
class Problem:
    path: str  # below the entry
    kind: Kind
    detail: str = ""


@dataclass(frozen=True)
class Verdict:
    """What came of one entry. `recorded` is False where there is no manifest to compare with."""

    name: str
    recorded: bool
    files: int = 0
    size: int = 0  # bytes
    problems: tuple[Problem, ...] = ()

    @property
    def good(self) -> bool:
        return self.recorded and not self.problems


def candidates(repository: Path) -> list[str]:
    """The names to verify: entries, and folders that lost the file that makes them one."""
    if not repository.is_dir():
        return []
    found = []
    for folder in sorted(repository.iterdir()):
        entry = Entry(folder)
        try:
            checked_name(folder.name)
        except BadEntryName:
            continue
        if entry.exists() or entry.manifest.is_file():
            found.append(folder.name)
    return found


def verify(repository: Path, name: str) -> Verdict:
    """Compare an entry with its manifest. Raises EntryNotFound, and OSError where a file cannot be read."""
    entry = entry_at(repository, name)
    for _ in range(_ATTEMPTS):
        try:
            before = _identity(entry)
            verdict = _verify(entry)
            after = _identity(entry)
        except FileNotFoundError as error:
            if entry.folder.exists():
                continue  # it was replaced between two of its files
            raise EntryNotFound(name, [other.name for other in entries_in(repository)]) from error
        if before == after:
            return verdict
    raise EntryBusy(name)


def _not_found(entry: Entry) -> EntryNotFound:
    return EntryNotFound(entry.name, [other.name for other in entries_in(entry.folder.parent)])


def _identity(entry: Entry) -> tuple[int, int]:
    found = entry.folder.stat()
    return found.st_dev, found.st_ino


def _verify(entry: Entry) -> Verdict:
    manifest = read_manifest(entry)
    if manifest is None:
        if not os.path.lexists(entry.manifest):
            if not entry.exists():
                raise _not_found(entry)
            return Verdict(entry.name, recorded=False)
        return Verdict(entry.name, recorded=True, problems=(Problem(MANIFEST_FILE, "record", "cannot be read"),))
    found = {path.relative_to(entry.folder).as_posix(): path for path in everything_in(entry.folder)}
    found.pop(MANIFEST_FILE, None)
    problems = [
        *_about_record(entry, manifest),
        *(Problem(path, "missing") for path in manifest.files if path not in found and is_safe(path)),
        *(problem for path, file in found.items() if (problem := _about_file(entry, path, file, manifest))),
    ]
    size = sum(record.size for record in manifest.files.values())
    return Verdict(entry.name, True, len(manifest.files), size, tuple(sorted(problems, key=lambda each: each.path)))


def _about_record(entry: Entry, manifest: Manifest) -> Iterator[Problem]:
    if manifest.name != entry.name:
        yield Problem(MANIFEST_FILE, "record", f"is that of '{manifest.name}'")
    for path in manifest.files:
        if not is_safe(path):
            yield Problem(MANIFEST_FILE, "record", f"names {path!r}, which is no file of an entry")
    if CONFIG_FILE not in manifest.files:
        yield Problem(MANIFEST_FILE, "record", f"does not name {CONFIG_FILE}")


def _about_file(entry: Entry, path: str, file: Path, manifest: Manifest) -> Problem | None:
    if file.is_symlink():
        if not file.resolve().is_relative_to(entry.folder.resolve()):
            return Problem(printable(path), "outside", f"is a link to {printable(str(file.readlink()))}")
        if not file.exists():
            return Problem(printable(path), "not-a-file", "is a link to nothing")
    if not stat.S_ISREG(file.stat().st_mode):
        return Problem(printable(path), "not-a-file")
    recorded = manifest.files.get(path)
    return Problem(printable(path), "extra") if recorded is None else _difference(path, file, recorded)


def _difference(path: str, file: Path, recorded: FileRecord) -> Problem | None:
    if (size := file.stat().st_size) != recorded.size:
        return Problem(path, "changed", f"{size} bytes instead of {recorded.size}")
    try:
        digest = sha256_of(file)
    except FileNotFoundError:
        raise
    except OSError as error:  # a disk that fails is what one verifies for
        return Problem(path, "unreadable", error.strerror or str(error))
    return None if digest == recorded.sha256 else Problem(path, "changed", "its SHA-256 is another")


def printable(path: str) -> str:
    """A file's name for people: one that would play with their terminal, or is no text at all, is spelt out."""
    return path if path.isprintable() else ascii(path)


def is_safe(path: str) -> bool:
    """Whether a path that was read somewhere stays inside of the folder it is appended to."""
    parts = PurePosixPath(path).parts
    return (
        bool(parts)
        and PurePosixPath(path).as_posix() == path  # no "." and no "//", so that a file has one path only
        and not path.startswith("/")
        and ".." not in parts
        and "\\" not in path
        and path.isprintable()
        and all(len(part.encode()) <= 255 for part in parts)
        and len(path.encode()) <= 1024
    )

"""What nobody needs any more beside the repository: half conversions of processes that were killed, old notes.

A folder is garbage when nobody holds the lock of its name. Knows the staging root; the hub's cache is `hub_cache`.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from modelyard import usage
from modelyard.catalog.installed import bytes_freed_with
from modelyard.entry import clear_leftovers, entries_in, leftovers, locked, locks, staging_root
from modelyard.errors import EntryBusy
from modelyard.running import find_running


@dataclass(frozen=True)
class Garbage:
    """Something that is not needed, and the bytes that the disk has more without it."""

    path: Path
    what: str
    size: int


def half_conversions(repository: Path, *, dry_run: bool) -> list[Garbage]:
    """What was begun and never published. Removed, unless it is a dry run; what is at work now is left alone."""
    found = []
    for name in leftovers(repository):
        with contextlib.suppress(EntryBusy), locked(repository, name, timeout_s=0):
            # Looked at again: what was there before the lock was ours may have been published meanwhile.
            for folder in leftovers(repository).get(name, ()):
                found.append(Garbage(folder, f"left over of {name}", bytes_freed_with(folder)))
            if not dry_run:
                clear_leftovers(repository, name)
    return found


def conversions_at_work(repository: Path) -> list[str]:
    """The names whose lock somebody holds now."""
    busy = []
    for name in locks(repository):
        try:
            with locked(repository, name, timeout_s=0):
                pass
        except EntryBusy:
            busy.append(name)
    return busy


def old_notes(repository: Path, *, dry_run: bool) -> list[Garbage]:
    """When models that are gone were last used, and services that were killed."""
    find_running(repository)  # removes the files of dead services itself
    names = {entry.name for entry in entries_in(repository)}
    folder = staging_root(repository) / usage.FOLDER
    notes = [path for path in sorted(folder.glob("*")) if path.name not in names]
    if not dry_run:
        for note in notes:
            usage.forget(repository, note.name)
    return [Garbage(note, f"last use of {note.name}, which is gone", 0) for note in notes]

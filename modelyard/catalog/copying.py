"""A second entry of the same weights: large files are shared by hard links where the file system can.

Sharing is right because nothing writes into the files of an entry: a conversion makes a whole new one. Small files
are copied all the same, since those are what people open in an editor.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from modelyard import ovms_config
from modelyard.catalog.installed import Installed, everything_in, look_up
from modelyard.catalog.integrity import printable
from modelyard.catalog.renaming import give_name
from modelyard.entry import MANIFEST_FILE, Entry, checked_name, locked, staged
from modelyard.errors import EntryDamaged, EntryExists, InvalidInput

_SHARED_FROM = 2**20  # bytes


def copy(
    repository: Path, name: str, new: str, *, force: bool = False, on_wait: Callable[[], None] | None = None
) -> Installed:
    """Publish a copy of an entry under another name, in one step.

    Raises EntryNotFound, EntryExists when the other name is taken and `force` is not set, EntryBusy when the entry is
    being converted. `on_wait` is called when a conversion to the new name has to be waited for.
    """
    look_up(repository, name)
    if checked_name(new) == name:
        raise InvalidInput(f"the copy of '{name}' needs another name", field="new")
    if not force and (repository / new).exists():
        raise EntryExists(new)
    with contextlib.ExitStack() as held:
        # Two copies that go opposite ways take both locks in the same order, so neither waits for the other for ever.
        if name < new:
            held.enter_context(locked(repository, name))
        entry = held.enter_context(staged(repository, new, replace=force, on_wait=on_wait))
        if new < name:
            held.enter_context(locked(repository, name))
        source = look_up(repository, name)  # again: it may have been replaced or removed meanwhile
        share_files(source.entry, entry)
        manifest = give_name(entry, name, new, source.manifest)
    ovms_config.list_if_served(repository, new, manifest)
    return Installed(Entry(repository / new), manifest)


def share_files(source: Entry, target: Entry) -> None:
    """Bring all files but the manifest into an entry that is not published yet."""
    for path in everything_in(source.folder):
        inside = path.relative_to(source.folder)
        if not path.is_file():
            raise EntryDamaged(source.name, f"{printable(str(inside))} is not a file")
        if inside.as_posix() != MANIFEST_FILE:
            (target.folder / inside).parent.mkdir(parents=True, exist_ok=True)
            _share(path.resolve(), target.folder / inside)


def _share(source: Path, target: Path) -> None:
    if source.stat().st_size >= _SHARED_FROM:
        with contextlib.suppress(OSError):  # another file system, or one without links, or too many of them
            os.link(source, target)
            return
    shutil.copyfile(source, target)

"""An entry leaves the repository in one step, and not while a service has it loaded.

Asks the running services; does not know who uses them.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from modelyard import ovms_config, running, usage
from modelyard.catalog.installed import bytes_freed_with, look_up
from modelyard.entry import locked, temporary_folder
from modelyard.errors import EntryInUse


def remove(repository: Path, name: str, *, force: bool = False) -> int:
    """Take an entry out of the repository, then delete its files; the bytes that the disk has more.

    With `force`, a model that is loaded is unloaded first. Raises EntryNotFound, EntryBusy when it is being
    converted, EntryInUse, or EngineError when a Triton does not unload it.
    """
    look_up(repository, name)
    with locked(repository, name):
        entry = look_up(repository, name).entry  # again: another removal may have been quicker
        _release(repository, name, force=force)
        grave = temporary_folder(repository, name)
        gone = grave / "removed"
        os.replace(entry.folder, gone)
        try:
            # From here on it cannot be loaded any more; but between the question and the rename it may have been.
            _release(repository, name, force=force)
        except BaseException:
            os.replace(gone, entry.folder)
            grave.rmdir()
            raise
        ovms_config.unlist_entry(repository, name)
        freed = bytes_freed_with(gone)
        usage.forget(repository, name)
        shutil.rmtree(grave, ignore_errors=True)
        return freed


def _release(repository: Path, name: str, *, force: bool) -> None:
    loaded = running.loaded_models(repository)
    if loaded.has(name) is not False and not force:
        raise EntryInUse(name, () if name in loaded.models else loaded.silent)
    if name in loaded.models:
        running.unload(name, loaded.models[name])

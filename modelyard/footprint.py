"""How much memory a model takes when it is served here, estimated by its files.

Knows the files of an entry; does not know how much memory there is.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from modelyard.entry import Entry, entry_at
from modelyard.errors import BadEntryName

# A backend's process with its engine's libraries, resident after the demo model was loaded, without its weights.
_PROCESS_BYTES = 300 * 2**20
# The weights' working copies, the cache of a short conversation and the tokenizer, as a share of the weights.
_WORKING_SHARE = 0.1


def weights_of(entry: Entry) -> int:
    """Bytes of the files that the engine reads; 0 where the entry has none."""
    total = 0
    for file in entry.version_folder.rglob("*"):
        with contextlib.suppress(OSError):  # gone in the meantime
            total += file.stat().st_size if file.is_file() else 0
    return total


def memory_of(entry: Entry) -> int:
    """Bytes that the model will take."""
    return _PROCESS_BYTES + round(weights_of(entry) * (1 + _WORKING_SHARE))


def installed(repository: Path, name: str) -> Entry | None:
    """The entry of that name, where this host has it."""
    with contextlib.suppress(BadEntryName):
        entry = entry_at(repository, name)
        return entry if entry.exists() else None
    return None

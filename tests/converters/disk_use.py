"""The most bytes that a folder takes while something writes into it.

Looks fifty times a second; does not know who writes.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

_EVERY_S = 0.02


class DiskUse:
    """Looks while the block runs. `highest` is in bytes as the file system counts them."""

    def __init__(self, folder: Path) -> None:
        self.highest = 0
        self._folder = folder
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="disk-use", daemon=True)

    def __enter__(self) -> DiskUse:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(_EVERY_S):
            found = sum(_bytes(folder, name) for folder, _, names in os.walk(self._folder) for name in names)
            self.highest = max(self.highest, found)


def _bytes(folder: str, name: str) -> int:
    try:
        return Path(folder, name).lstat().st_blocks * 512
    except OSError:  # it went just now
        return 0

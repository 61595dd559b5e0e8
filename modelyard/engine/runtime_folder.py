"""The private folder of one Triton, and the end of those that a process left behind when it was killed.

Knows names and processes; does not know what is in the folder.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

from modelyard.engine.shared_memory import is_alive

_OURS = re.compile(r"modelyard-triton-(?P<pid>\d+)-.*")


def make_runtime_folder() -> Path:
    """An empty folder that names this process, for nobody else to read."""
    return Path(tempfile.mkdtemp(prefix=f"modelyard-triton-{os.getpid()}-"))


def remove_orphans() -> None:
    """Remove the folders of processes of ours that are gone: who is killed with -9 cannot clear up."""
    for folder in Path(tempfile.gettempdir()).glob("modelyard-triton-*"):
        found = _OURS.fullmatch(folder.name)
        if found and folder.is_dir() and folder.stat().st_uid == os.getuid() and not is_alive(int(found["pid"])):
            shutil.rmtree(folder, ignore_errors=True)

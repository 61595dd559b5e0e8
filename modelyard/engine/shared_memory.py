"""What Triton's Python backend keeps in /dev/shm: enough room before the start, nothing left after the end.

Knows our own names there; never touches others.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from modelyard.errors import HostProblem

SHM = Path("/dev/shm")  # noqa: S108 - the kernel's place for POSIX shared memory, not a temporary file of ours
_NEEDED = 16 * 2**20  # 1 MiB a model and room to grow; a container has 64 MiB by default

_OURS = re.compile(r"modelyard-(?P<pid>\d+)-.*")


def region_prefix(pid: int, serial: int) -> str:
    """The beginning of the names of the regions of one Triton, which the process `pid` is about to start."""
    return f"modelyard-{pid}-{serial}-"


def require_room() -> None:
    """Raise HostProblem where /dev/shm is too small for Triton's Python backend."""
    if not SHM.is_dir():
        return
    free = shutil.disk_usage(SHM).free
    if free < _NEEDED:
        raise HostProblem(
            f"{SHM} has {free // 2**20} MiB free, Triton's Python backend needs {_NEEDED // 2**20} MiB",
            hint="start the container with --shm-size=256m, or free some of it",
        )


def remove_regions(prefix: str) -> None:
    """Remove what a Triton that has ended left behind."""
    for region in SHM.glob(f"{prefix}*"):
        region.unlink(missing_ok=True)


def remove_orphans() -> None:
    """Remove the regions of processes of ours that are gone: who is killed with -9 cannot clear up."""
    for region in SHM.glob("modelyard-*"):
        found = _OURS.fullmatch(region.name)
        if found and not is_alive(int(found["pid"])):
            region.unlink(missing_ok=True)


def is_alive(pid: int) -> bool:
    """Whether a process of this id runs, whoever it belongs to."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True

"""What this machine has free: memory and disk, in bytes.

Knows control groups, since a container's memory is not its host's. Decides nothing.
"""

from __future__ import annotations

import shutil
from pathlib import Path

_CGROUP_V2 = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory.current"),
    Path("/sys/fs/cgroup/memory.stat"),
)
_CGROUP_V1 = (
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
    Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    Path("/sys/fs/cgroup/memory/memory.stat"),
)


def free_memory() -> int:
    """Bytes that a new process may take: what the machine has, or what its control group still allows if less."""
    import psutil

    machine: int = psutil.virtual_memory().available
    allowed = [left for files in (_CGROUP_V2, _CGROUP_V1) if (left := _left_in_group(*files)) is not None]
    return min([machine, *allowed])


def free_disk(folder: Path) -> int:
    """Bytes free on the file system that `folder` is on, or will be on when it has been made."""
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    return shutil.disk_usage(existing).free


def _left_in_group(limit: Path, used: Path, statistics: Path) -> int | None:
    try:
        # "max" in version 2, and a number near 2**63 in version 1, mean that there is no limit.
        ceiling, taken = int(limit.read_text()), int(used.read_text())
        fields = dict(line.split() for line in statistics.read_text().splitlines())
    except (OSError, ValueError):
        return None
    # Pages of files that were read are counted as used, and given back when somebody needs them.
    return max(0, ceiling - taken + int(fields.get("inactive_file", "0")))

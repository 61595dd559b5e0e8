"""What this machine has: free memory and disk in bytes, its processor, and how fast its memory is read.

Knows control groups, since a container's memory is not its host's. Decides nothing.
"""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# Bytes; more than most caches hold, and no more than a conversion holds anyway.
_PROBE = 256 * 2**20
_PROBE_S = 0.4
# Processors' caches, by level. Servers have up to some hundred MiB in the last one.
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
_USUAL_CACHE = 64 * 2**20  # where the system does not say

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
    return shutil.disk_usage(_existing(folder)).free


def same_disk(one: Path, other: Path) -> bool:
    """Whether two folders are, or will be, on one file system."""
    return _existing(one).stat().st_dev == _existing(other).stat().st_dev


def _existing(folder: Path) -> Path:
    found = folder.absolute()
    while not found.exists():
        found = found.parent
    return found


def _left_in_group(limit: Path, used: Path, statistics: Path) -> int | None:
    try:
        # "max" in version 2, and a number near 2**63 in version 1, mean that there is no limit.
        ceiling, taken = int(limit.read_text()), int(used.read_text())
        fields = dict(line.split() for line in statistics.read_text().splitlines())
    except (OSError, ValueError):
        return None
    # Pages of files that were read are counted as used, and given back when somebody needs them.
    return max(0, ceiling - taken + int(fields.get("inactive_file", "0")))


def cpu_name() -> str:
    """What the processor calls itself, and how many of its threads this process may use: `AMD EPYC x2`."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return f"{next(named, platform.processor() or platform.machine())} x{threads()}"


def uncached() -> int:
    """Bytes to go through so that little of them is found in the processor's caches; of the memory that is free, an
    eighth at most."""
    sizes = [_kibibytes(file) * 2**10 for file in _CACHES.glob("index*/size")]
    return min(max([_USUAL_CACHE, *sizes]) * 3 // 2, free_memory() // 8)


def _kibibytes(file: Path) -> int:
    try:
        return int(file.read_text().strip().removesuffix("K"))
    except (OSError, ValueError):
        return 0


def memory_bandwidth() -> float:
    """Bytes per second that all processors together read from memory, measured now, in less than a second."""
    # The C library's search for a byte that is not there: reads everything once, and holds no lock of Python's.
    library = ctypes.CDLL(None)
    library.memchr.restype = ctypes.c_void_p
    library.memchr.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t)
    count = threads()
    share = _PROBE // count
    buffers = [ctypes.create_string_buffer(share) for _ in range(count)]
    for buffer in buffers:
        ctypes.memset(buffer, 1, share)  # untouched memory would all be one page of zeros

    def read(buffer: ctypes.Array[ctypes.c_char]) -> None:
        library.memchr(buffer, 2, share)

    best = 0.0
    with ThreadPoolExecutor(count) as pool:
        until = time.monotonic() + _PROBE_S
        while not best or time.monotonic() < until:
            started = time.perf_counter()
            list(pool.map(read, buffers))
            best = max(best, share * count / (time.perf_counter() - started))
    return best


def threads() -> int:
    """Threads of the processor that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

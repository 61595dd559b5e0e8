"""Pages of mapped files that were read are given back, so that a process holds no more than it works on.

The system would drop them too when memory is short, but late, and whoever looks at the process sees them as used. What
is needed again comes from the system's own cache of the file. Knows mappings; does not know what is in a file.
"""

from __future__ import annotations

import contextlib
import ctypes
import re
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

_DONTNEED = 4  # as in Linux's mman.h
_SMAPS = Path("/proc/self/smaps")
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) \S{4} \S+ \S+ \d+ *(.*)")
_EVERY_S = 0.2

Span = tuple[int, int]


def give_back(*files: Path) -> None:
    """Let the pages of these files go. Whoever calls holds the mappings meanwhile."""
    _let_go(_unchanged(files))


def trim_heap() -> None:
    """Let the system have what was freed: the C library keeps it otherwise, for allocations that do not come."""
    with contextlib.suppress(AttributeError, OSError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)


@contextlib.contextmanager
def giving_back(*files: Path) -> Iterator[None]:
    """Let pages go again and again while the block runs, which holds the mappings that it begins with."""
    spans, end = _unchanged(files), threading.Event()

    def run() -> None:
        while not end.wait(_EVERY_S):
            _let_go(spans)

    thread = threading.Thread(target=run, name="giving-back", daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def _let_go(spans: list[Span]) -> None:
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for start, length in spans:
        madvise(start, length, _DONTNEED)


def _unchanged(files: Iterable[Path]) -> list[Span]:
    """Where the files are mapped with no page changed: a changed one would lose the change."""
    if sys.platform != "linux":
        return []
    found: list[Span] = []
    current, names = None, {str(file.resolve()) for file in files}
    for line in _SMAPS.read_text(errors="replace").splitlines():
        if mapping := _MAPPING.fullmatch(line):
            start, stop = int(mapping[1], 16), int(mapping[2], 16)
            current = (start, stop - start) if mapping[3] in names else None
        elif current is not None and line.split() == ["Anonymous:", "0", "kB"]:
            found.append(current)
    return found

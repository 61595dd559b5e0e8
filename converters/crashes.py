"""How a process has ended: by its own fault, as a library's may that reads a damaged file, or by somebody's signal.

Knows signals only.
"""

from __future__ import annotations

import signal

_OWN_FAULT = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE})


def crash_of(status: int) -> str | None:
    """The name of the signal by which a process has ended itself, of its return code; None where it has not."""
    return signal.Signals(-status).name if status < 0 and -status in _OWN_FAULT else None


def was_killed(status: int) -> bool:
    """Whether it was ended from outside, as the kernel does when memory runs out."""
    return status < 0 and -status not in _OWN_FAULT

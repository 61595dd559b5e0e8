"""Work that may be ended by the system: done in a process of its own, so that somebody is left to say what happened.

Libraries abort when memory cannot be had, and the kernel kills who takes too much; neither leaves time for a sentence.
Knows processes and signals; does not know the work.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from types import FrameType

from modelyard import host
from modelyard.errors import HostProblem

_PR_SET_PDEATHSIG = 1  # as in Linux's prctl.h


def go_on_watched() -> None:
    """Go on in a child; this process waits for it and ends as it does. Call it before there are threads.

    Raises HostProblem when the child was ended by a signal that nobody sent on purpose.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)  # who is not waited for shall not go on
        return

    def hand_on(number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    # A Ctrl-C at a terminal reaches the child by itself; it would be told twice.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, (lambda number, frame: None) if _has_terminal() else hand_on)
    signal.signal(signal.SIGTERM, hand_on)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status):
        sys.exit(os.WEXITSTATUS(status))
    number = os.WTERMSIG(status)
    if number in (signal.SIGINT, signal.SIGTERM):
        sys.exit(128 + number)
    raise HostProblem(
        f"the work was ended by {signal.Signals(number).name}, as happens when memory runs out "
        f"({host.free_memory() / 2**30:.1f} GiB are free now); nothing was changed",
        hint="stop other programs, or do it on a larger machine: `modelyard plan` says what is needed",
    )


def _has_terminal() -> bool:
    """Whether this process is in the foreground of a terminal, whose Ctrl-C goes to the whole group."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)

"""Ends what a Triton that was killed leaves behind: the Python process that it started for a model, and the engine.

Runs in the engine's process. The other one cannot watch over itself: a call of Triton's that was under way, to count
something for example, never returns then and holds Python's lock. Knows processes; knows nothing of models.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

_LOOK_EVERY_S = 0.5


def end_without(triton: int, stub: int, *, first: Callable[[], None] = lambda: None) -> None:
    """Watch from now on. `stub` is the process that Triton, which has the other id, started for the model.

    `first` is done before the end.
    """
    threading.Thread(target=_watch, args=(triton, stub, first), name="orphan-watch", daemon=True).start()


def _watch(triton: int, stub: int, first: Callable[[], None]) -> None:
    # Not the kernel's PR_SET_PDEATHSIG: that follows the thread of Triton that loaded the model, which may end alone.
    while _parent_of(stub) == triton:
        time.sleep(_LOOK_EVERY_S)
    if os.getppid() == stub:  # else it is gone, and another process may have its id
        with contextlib.suppress(ProcessLookupError):
            os.kill(stub, signal.SIGKILL)
    with contextlib.suppress(Exception):
        first()
    os._exit(1)


def _parent_of(process: int) -> int | None:
    try:
        # The name, in parentheses, may hold anything; the state and the parent follow its end.
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None

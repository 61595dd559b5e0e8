"""Ends this process when the Triton that started it is gone.

Triton's stub notices a Triton that was killed only when it next has something to say to it, which is never for an idle
model. Knows processes; knows nothing of models.
"""

from __future__ import annotations

import os
import threading
import time

_LOOK_EVERY_S = 0.5


def end_with_parent() -> None:
    """Watch from now on. Call it from the process that Triton started, while Triton lives."""
    threading.Thread(target=_watch, args=(os.getppid(),), name="orphan-watch", daemon=True).start()


def _watch(parent: int) -> None:
    # Not the kernel's PR_SET_PDEATHSIG: that follows the thread of Triton that loaded the model, which may end alone.
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY_S)
    os._exit(1)

"""What a fleet comes to in its own time. Knows nothing of what is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable


def eventually(holds: Callable[[], bool], within_s: float = 120) -> bool:
    """Polls rather than sleeps; the bound is far above what a slow machine takes."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.5)
    return False

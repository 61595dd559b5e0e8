"""What a service comes to in its own time. Knows nothing of what is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_LOOK_S = 0.02


async def until(true: Callable[[], bool], within_s: float = 30) -> None:
    """Looks so often as fit into that time when a look takes none."""
    for _ in range(round(within_s / _LOOK_S)):
        if true():
            return
        await asyncio.sleep(_LOOK_S)
    raise AssertionError("it did not come about")

"""How fast this host multiplies by weights of 16, 8 and 4 bits, found by running OpenVINO for some seconds, once.

The memory's bandwidth is what a processor can reach at most; how much of it is reached with packed weights depends on
its instructions and the number of its cores. Knows how to ask; OpenVINO runs in the engine's environment.
"""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Mapping
from pathlib import Path

from modelyard.measurements import recall, remember

_PROBE = Path(__file__).with_name("kernel_probe.py")
_BITS = (16, 8, 4)
_TIMEOUT_S = 60.0


def known_kernels(repository: Path) -> Mapping[int, float]:
    """Bytes of weights per second by their bits; empty when it was not measured on this host yet."""
    found = recall(repository).get("kernels")
    return _rates(found) if isinstance(found, dict) else {}


def kernels(repository: Path, engine_python: Path, *, anew: bool = False) -> Mapping[int, float]:
    """The same, measured when it is not known; empty where there is no engine to run."""
    known = {} if anew else known_kernels(repository)
    if known:
        return known
    from modelyard.host import threads

    command = [str(engine_python.expanduser().absolute()), str(_PROBE), str(threads())]
    try:
        done = subprocess.run(  # the interpreter comes from the user's settings
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
        found = _rates(json.loads(done.stdout.splitlines()[-1]))
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError):
        return {}
    if found:
        remember(repository, kernels={str(bits): round(rate) for bits, rate in found.items()})
    return found


def _rates(figures: object) -> dict[int, float]:
    """All of them or none."""
    if not isinstance(figures, dict):
        return {}
    rates = {bits: figures.get(str(bits)) for bits in _BITS}
    whole = {
        bits: float(rate)
        for bits, rate in rates.items()
        if isinstance(rate, (int, float)) and not isinstance(rate, bool) and math.isfinite(rate) and rate > 0
    }
    return whole if len(whole) == len(_BITS) else {}

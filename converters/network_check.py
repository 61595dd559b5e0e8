"""OpenVINO asked whether it reads the networks of an entry, in a process of its own: a damaged one may end that.

Knows processes; `network_probe.py`, which runs there, knows OpenVINO.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from converters.crashes import crash_of
from modelyard.errors import LoadRefused

_PROBE = Path(__file__).with_name("network_probe.py")
_REFUSED = "refused: "  # as the script says
_TIMEOUT_S = 600.0  # a network of 1,200 operations took 0.1 s; its weights are mapped


def check_networks(folder: Path, architecture: str) -> None:
    """Every network of a version folder. Raises LoadRefused, and what else goes wrong as it comes."""
    files = [str(file) for file in sorted(folder.rglob("*.xml"))]
    done = subprocess.run(
        [sys.executable, str(_PROBE), *files],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",  # it repeats names of the file
        timeout=_TIMEOUT_S,
        check=False,
    )
    if done.returncode == 0:
        return
    print(done.stderr, file=sys.stderr)
    if done.returncode == -signal.SIGKILL:  # the kernel kills what takes too much memory
        raise MemoryError
    said = done.stdout.splitlines()
    begun = [line for line in said if line in files]
    refusal = next((line.removeprefix(_REFUSED) for line in said if line.startswith(_REFUSED)), None)
    crash = crash_of(done.returncode)
    if not begun or (refusal is None and crash is None):
        raise RuntimeError("OpenVINO could not be asked whether it reads the networks")
    name = Path(begun[-1]).relative_to(folder).as_posix()
    raise LoadRefused(name, "OpenVINO", architecture, refusal or f"it dies of {crash}")

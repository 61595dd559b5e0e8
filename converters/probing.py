"""How an engine is asked for its speed on this host: a script of ours, run by the interpreter that has the engines.

Knows processes and figures; the scripts know the engines.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from modelyard.errors import EnvironmentMissing
from modelyard.host import threads
from modelyard.measurements import positive

Engine = Literal["openvino", "llamacpp"]

_ENGINE_PROBE = Path(__file__).with_name("engine_probe.py")
_LAYER_PROBE = Path(__file__).with_name("layer_probe.py")
_TIMEOUT_S = 180.0  # loading tens of GB from a disk; the measurement itself takes a few seconds


@dataclass(frozen=True)
class Speed:
    """Tokens per second of reading a prompt and of writing an answer."""

    prompt: float
    decode: float


def speed_with(engine: Engine, file: Path, engine_python: Path) -> Speed | None:
    """That of one stream, with a GGUF file. None where the engine does not run it. Raises EnvironmentMissing."""
    return speed_of(_asked(engine_python, _ENGINE_PROBE, engine, str(file), str(threads())))


def speed_of(figures: object) -> Speed | None:
    """What was measured, read back; None where it makes no sense."""
    found = _positive(figures, "prompt", "decode")
    return Speed(*found) if found else None


def seconds_of_layer(shape: Mapping[str, Any], engine_python: Path) -> tuple[float, float] | None:
    """Seconds that OpenVINO takes for one layer, and for the output layer. Raises EnvironmentMissing."""
    found = _positive(_asked(engine_python, _LAYER_PROBE, json.dumps(shape)), "layer", "output")
    return (found[0], found[1]) if found else None


def _asked(engine_python: Path, probe: Path, *arguments: str) -> object:
    """The JSON of the probe's last line; None where there is none."""
    interpreter = engine_python.expanduser().absolute()
    try:
        done = subprocess.run(  # the interpreter comes from the user's settings
            [str(interpreter), str(probe), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise EnvironmentMissing("engine", interpreter) from error
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        return None
    try:
        return json.loads(lines[-1])
    except ValueError:
        return None


def _positive(figures: object, *names: str) -> list[float] | None:
    if not isinstance(figures, dict):
        return None
    found = [number for name in names if (number := positive(figures.get(name))) is not None]
    return found if len(found) == len(names) else None

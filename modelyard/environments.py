"""The Python environments: whether this interpreter can do a job, and how to go on in the one that can.

Knows interpreters and processes; does not know what is converted or served.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from modelyard.errors import EnvironmentMissing

CONVERSION_MODULES = ("torch", "transformers", "optimum", "openvino", "openvino_tokenizers", "nncf", "tenacity")
_MARK = "MODELYARD_HANDED_OVER"  # set for the interpreter that took over, so that it never hands over again


def can_convert() -> bool:
    """Whether this interpreter has all that a conversion needs. Imports nothing of it."""
    return all(find_spec(module) is not None for module in CONVERSION_MODULES)


def command_in(python: Path, arguments: Sequence[str], *, role: str) -> tuple[list[str], dict[str, str]]:
    """The command and the environment by which `modelyard <arguments>` runs in a process of that interpreter.

    Raises EnvironmentMissing when the interpreter is not there.
    """
    interpreter = python.expanduser().absolute()  # not resolved: a virtual environment is known by its link's place
    if not os.access(interpreter, os.X_OK):
        raise EnvironmentMissing(role, interpreter)
    package = str(Path(__file__).resolve().parent.parent)
    search = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    return [str(interpreter), "-m", "modelyard", *arguments], {**os.environ, "PYTHONPATH": search}


def go_on_in(python: Path, arguments: Sequence[str], *, role: str) -> NoReturn:
    """Become `python -m modelyard <arguments>`: same process, so signals, output and exit code need no passing on.

    Raises EnvironmentMissing when the interpreter is not there, or when it is the one that sent us here.
    """
    command, environment = command_in(python, arguments, role=role)
    if _MARK in os.environ:
        raise EnvironmentMissing(role, Path(command[0]))
    sys.stdout.flush()
    sys.stderr.flush()
    # The interpreter comes from the settings of the user who typed the command.
    os.execve(command[0], command, {**environment, _MARK: role})  # noqa: S606

"""The engine processes of a Triton, which models bring and take with them.

Reads the table of processes; knows nothing of models.
"""

from __future__ import annotations

import contextlib

import psutil

from modelyard.engine.process import TritonProcess


def engines_of(triton: TritonProcess) -> set[psutil.Process]:
    """The children of the models' stubs."""
    found: set[psutil.Process] = set()
    for stub in psutil.Process(triton.pid).children():
        with contextlib.suppress(psutil.NoSuchProcess):  # a model that is being unloaded ends as we look
            found.update(stub.children())
    return found

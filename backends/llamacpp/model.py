"""Triton's face of the backend: what Triton calls, and nothing else.

Knows Triton's Python backend; does not know the engine, tokens or sampling.
"""

from __future__ import annotations

import sys
import tempfile
import types
from pathlib import Path

import triton_python_backend_utils as pb_utils

if not __package__:
    # Triton imports this file by itself, as `model`. The backends are made a package here, under a name that is nobody
    # else's: this folder's own is the library's too, and `import settings` could find anybody's.
    _folder = Path(__file__).resolve().parent
    __package__ = f"modelyard_backends.{_folder.name}"
    _backends = sys.modules.setdefault("modelyard_backends", types.ModuleType("modelyard_backends"))
    _backends.__path__ = [str(_folder.parent)]

from ..common.language.backend import LanguageBackend, Model
from ..common.settings import Parameters
from .codec import open_codec
from .sampling import SAMPLING
from .settings import read_settings


class TritonPythonModel(LanguageBackend):
    """One instance of a model; the name is Triton's."""

    pb_utils = pb_utils

    def open(self, version_folder: Path, parameters: Parameters) -> Model:
        # llama.cpp's server listens in it: a folder that nobody else may enter, under a name that is short enough.
        self._run_folder = tempfile.TemporaryDirectory(prefix="modelyard-", ignore_cleanup_errors=True)
        settings = read_settings(parameters, version_folder, run_folder=self._run_folder.name)
        return Model(settings, open_codec(settings.socket), SAMPLING)

    def finalize(self) -> None:
        super().finalize()
        self._run_folder.cleanup()

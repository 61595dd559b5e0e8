"""Triton's face of the backend: what Triton calls, and nothing else.

Knows Triton's Python backend; does not know the engine or images.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import triton_python_backend_utils as pb_utils

if not __package__:
    # Triton imports this file by itself, as `model`. The backends are made a package here, under a name that is nobody
    # else's: this folder's own may be a library's too, and `import settings` could find anybody's.
    _folder = Path(__file__).resolve().parent
    __package__ = f"modelyard_backends.{_folder.name}"
    _backends = sys.modules.setdefault("modelyard_backends", types.ModuleType("modelyard_backends"))
    _backends.__path__ = [str(_folder.parent)]

from ..common.images.backend import ImageBackend
from ..common.images.studio import Painter
from ..common.settings import Parameters


class TritonPythonModel:
    """One instance of a model; the name is Triton's."""

    @staticmethod
    def auto_complete_config(config: Any) -> Any:
        """Add the tensors, so that an entry's config.pbtxt need not."""
        return ImageBackend.complete(config)

    def initialize(self, args: dict[str, str]) -> None:
        self._backend = ImageBackend(pb_utils, args, _load)

    def execute(self, requests: list[Any]) -> None:
        self._backend.execute(requests)

    def finalize(self) -> None:
        self._backend.close()


def _load(folder: Path, parameters: Parameters) -> Painter:
    # Not imported above: Triton reads this file for the configuration alone too, and the engine takes seconds.
    from .painter import load

    return load(folder, parameters)

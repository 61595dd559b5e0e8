"""Triton's face of the backend: what Triton calls, and nothing else.

Knows Triton's Python backend; does not know texts, tokens or the network.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import triton_python_backend_utils as pb_utils

if not __package__:
    # Triton imports this file by itself, as `model`. The backends are made a package here, under a name that is nobody
    # else's, so that this file can import what lies beside it and in `common`.
    _folder = Path(__file__).resolve().parent
    __package__ = f"modelyard_backends.{_folder.name}"
    _backends = sys.modules.setdefault("modelyard_backends", types.ModuleType("modelyard_backends"))
    _backends.__path__ = [str(_folder.parent)]

from ..common.encoders.face import Face
from ..common.settings import BadSetting
from ..common.tensors import complete
from .ranking import INPUTS, OUTPUTS, TASK, Ranking


class TritonPythonModel:
    """One instance of a model; the name is Triton's."""

    @staticmethod
    def auto_complete_config(config: Any) -> Any:
        """Add the tensors, so that an entry's config.pbtxt need not."""
        return complete(config, INPUTS, OUTPUTS, decoupled=False)

    def initialize(self, args: dict[str, str]) -> None:
        try:
            self._face = Face(pb_utils, args, TASK, Ranking)
        except BadSetting as error:
            # Triton shows this sentence to whoever asked for the load; a traceback would bury it.
            raise pb_utils.TritonModelException(str(error)) from None

    def execute(self, requests: list[Any]) -> None:
        self._face.execute(requests)

    def finalize(self) -> None:
        self._face.close()

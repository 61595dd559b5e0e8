"""Triton's face of the backend: what Triton calls, and nothing else.

Knows Triton's Python backend; does not know speech.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

if not __package__:
    # Triton imports this file by itself, as `model`. The backends are made a package here, under a name that is nobody
    # else's: this folder's own is the library's too, and `import settings` could find anybody's.
    _folder = Path(__file__).resolve().parent
    __package__ = f"modelyard_backends.{_folder.name}"
    _backends = sys.modules.setdefault("modelyard_backends", types.ModuleType("modelyard_backends"))
    _backends.__path__ = [str(_folder.parent)]

from ..common.settings import BadSetting, Parameters, version_folder
from ..common.tensors import complete, reader
from ..common.worker.sending import Sending, take
from ..common.worker.worker import Worker, WorkerFailed
from .settings import read_settings
from .speech_request import INPUTS, read_request
from .voices import read_voices

OUTPUTS: tuple[dict[str, Any], ...] = (
    {"name": "audio", "data_type": "TYPE_FP32", "dims": [-1]},
    {"name": "sample_rate", "data_type": "TYPE_UINT32", "dims": [1]},
)


class TritonPythonModel:
    """One instance of a model; the name is Triton's."""

    @staticmethod
    def auto_complete_config(config: Any) -> Any:
        """Add the tensors, so that an entry's config.pbtxt need not."""
        return complete(config, INPUTS, OUTPUTS, decoupled=False)

    def initialize(self, args: dict[str, str]) -> None:
        folder = version_folder(args)
        try:
            self._settings = read_settings(Parameters.of_model_config(args["model_config"]))
            self._voices = read_voices(folder)
            if self._settings.default_voice not in self._voices:
                raise BadSetting(
                    f"the parameter DEFAULT_VOICE of config.pbtxt is '{self._settings.default_voice}', but it must be "
                    f"one of {', '.join(sorted(self._voices))}"
                )
            self._worker = Worker(
                "openvino_tts.pipeline",
                folder,
                {"device": self._settings.device, "properties": dict(self._settings.properties)},
                waiting=self._settings.max_queue_size,
                log=pb_utils.Logger.log_warn,
            )
            self._worker.start()
        except (BadSetting, WorkerFailed) as error:
            # Triton shows this sentence to whoever asked for the load; a traceback would bury it.
            raise pb_utils.TritonModelException(str(error)) from None

    def execute(self, requests: list[Any]) -> None:
        """Take requests on. A bad one is answered at once and does not concern the others."""
        for request in requests:
            take(pb_utils, self._worker, request, self._job)

    def finalize(self) -> None:
        self._worker.close()

    def _job(self, request: Any, sender: Any) -> Sending:
        wanted = read_request(
            reader(pb_utils, request),
            self._voices,
            default_voice=self._settings.default_voice,
            max_chars=self._settings.max_text_chars,
        )
        return Sending(pb_utils, sender, wanted, _outputs)


def _outputs(result: dict[str, Any]) -> list[Any]:
    return [
        pb_utils.Tensor("audio", np.frombuffer(result["audio"], np.float32)),
        pb_utils.Tensor("sample_rate", np.array([result["rate"]], np.uint32)),
    ]

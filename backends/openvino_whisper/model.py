"""Triton's face of the backend: what Triton calls, and nothing else.

Knows Triton's Python backend; does not know Whisper.
"""

from __future__ import annotations

import dataclasses
import json
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
from .abilities import read_abilities
from .settings import read_settings
from .speech_request import INPUTS, read_request

OUTPUTS: tuple[dict[str, Any], ...] = (
    {"name": "text", "data_type": "TYPE_STRING", "dims": [1]},
    {"name": "language", "data_type": "TYPE_STRING", "dims": [1]},
    {"name": "segments", "data_type": "TYPE_STRING", "dims": [1]},
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
            abilities = read_abilities(folder)
            words = abilities.times_words and self._settings.word_timestamps
            self._abilities = dataclasses.replace(abilities, times_words=words)
            told = {
                "device": self._settings.device,
                "word_timestamps": words,
                "properties": dict(self._settings.properties),
            }
            self._worker = Worker(
                "openvino_whisper.pipeline",
                folder,
                told,
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
        wanted = read_request(reader(pb_utils, request), self._abilities, max_seconds=self._settings.max_audio_seconds)
        return Sending(pb_utils, sender, wanted, _outputs)


def _outputs(result: dict[str, Any]) -> list[Any]:
    texts = (result["text"], result["language"], json.dumps(result["segments"], ensure_ascii=False))
    return [
        pb_utils.Tensor(output["name"], np.array([text.encode()], dtype=np.object_))
        for output, text in zip(OUTPUTS, texts, strict=True)
    ]

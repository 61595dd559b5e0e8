"""Triton's face of the backend: what Triton calls, and nothing else.

Knows Triton's Python backend; does not know the engine, tokens or sampling.
"""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path
from typing import Any

import triton_python_backend_utils as pb_utils

if not __package__:
    # Triton imports this file by itself, as `model`. The backends are made a package here, under a name that is nobody
    # else's: this folder's own is the library's too, and `import settings` could find anybody's.
    _folder = Path(__file__).resolve().parent
    __package__ = f"modelyard_backends.{_folder.name}"
    _backends = sys.modules.setdefault("modelyard_backends", types.ModuleType("modelyard_backends"))
    _backends.__path__ = [str(_folder.parent)]

from ..common.failures import RequestFailed
from ..common.settings import BadSetting, Parameters, version_folder
from ..common.tensors import complete, reader
from .answering import Answering
from .codec import open_codec
from .engine import EngineFailed
from .infer_request import INPUTS, read_request
from .metrics import Metrics
from .responses import OUTPUTS, Responses
from .settings import read_settings


class TritonPythonModel:
    """One instance of a model; the name is Triton's."""

    @staticmethod
    def auto_complete_config(config: Any) -> Any:
        """Add the tensors of the vLLM backend, so that an entry's config.pbtxt need not."""
        return complete(config, INPUTS, OUTPUTS, decoupled=True)

    def initialize(self, args: dict[str, str]) -> None:
        folder = version_folder(args)
        try:
            settings = read_settings(Parameters.of_model_config(args["model_config"]), folder)
            codec = open_codec(folder)
            self._answering = Answering(
                folder,
                settings,
                codec,
                Responses(pb_utils, codec),
                Metrics(pb_utils, args["model_name"], args["model_version"]),
                pb_utils.Logger.log_warn,
            )
            self._answering.start()
        except (BadSetting, EngineFailed) as error:
            # Triton shows this sentence to whoever asked for the load; a traceback would bury it.
            raise pb_utils.TritonModelException(str(error)) from None

    def execute(self, requests: list[Any]) -> None:
        """Take requests on. A bad one is answered at once and does not concern the others."""
        for request in requests:
            sender = request.get_response_sender()
            try:
                read = read_request(reader(pb_utils, request), request.parameters)
                self._answering.begin(read, sender)
            except RequestFailed as failure:
                self._answering.refuse(sender, failure)
            except Exception as error:
                pb_utils.Logger.log_error(f"a request could not be taken on: {error!r}")
                self._answering.refuse(sender, RequestFailed("INTERNAL", "the request could not be taken on"))

    def finalize(self) -> None:
        self._answering.close()
        if self._answering.stuck:
            # A metric or a question that was under way when Triton stopped listening is never answered, and holds a
            # lock that the end of this process would wait for. Triton is waiting for nothing but that end.
            os._exit(0)

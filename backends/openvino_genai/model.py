"""Triton's face of the backend: what Triton calls, and nothing else.

Knows Triton's Python backend; does not know the engine, tokens or sampling.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import types
from pathlib import Path
from typing import Any

import triton_python_backend_utils as pb_utils

if not __package__:
    # Triton imports this file by itself, as `model`. The files beside it are made a package here; its name cannot be
    # the folder's, which is the library's too, and `import settings` could find anybody's.
    __package__ = "modelyard_openvino_genai"
    _package = sys.modules.setdefault(__package__, types.ModuleType(__package__))
    _package.__path__ = [str(Path(__file__).resolve().parent)]

from .answering import Answering
from .codec import open_codec
from .engine import EngineFailed
from .failures import RequestFailed
from .infer_request import INPUTS, read_request
from .metrics import Metrics
from .responses import OUTPUTS, Responses
from .settings import BadSetting, read_settings


class TritonPythonModel:
    """One instance of a model; the name is Triton's."""

    @staticmethod
    def auto_complete_config(config: Any) -> Any:
        """Add the tensors of the vLLM backend, so that an entry's config.pbtxt need not."""
        given = config.as_dict()
        for tensor in INPUTS:
            if tensor["name"] not in [each["name"] for each in given["input"]]:
                config.add_input(tensor)
        for tensor in OUTPUTS:
            if tensor["name"] not in [each["name"] for each in given["output"]]:
                config.add_output(tensor)
        config.set_max_batch_size(0)
        config.set_model_transaction_policy({"decoupled": True})
        return config

    def initialize(self, args: dict[str, str]) -> None:
        config = json.loads(args["model_config"])
        parameters = {name: each["string_value"] for name, each in config.get("parameters", {}).items()}
        folder = Path(args["model_repository"]) / args["model_version"]
        try:
            settings = read_settings(parameters, folder)
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
                read = read_request(functools.partial(_array, request), request.parameters)
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


def _array(request: Any, name: str) -> Any | None:
    tensor = pb_utils.get_input_tensor_by_name(request, name)
    return None if tensor is None else tensor.as_numpy()

"""What Triton calls of an image backend; the engine is what `load` makes.

Knows Triton's Python backend, which is handed in; does not know the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..failures import RequestFailed
from ..settings import BadSetting, Parameters, version_folder
from ..tensors import complete, reader
from .image_request import INPUTS, read_request
from .settings import read_image_settings
from .studio import OUTPUTS, Painter, Studio


class LoadFailed(Exception):
    """The engine cannot load the model; the sentence says why."""


class ImageBackend:
    """One instance of a model. Raises Triton's own exception where it cannot be loaded."""

    def __init__(self, pb_utils: Any, args: dict[str, str], load: Callable[[Path, Parameters], Painter]) -> None:
        self._triton = pb_utils
        parameters = Parameters.of_model_config(args["model_config"])
        try:
            self._settings = read_image_settings(parameters)
            self._painter = load(version_folder(args), parameters)
        except (BadSetting, LoadFailed) as error:
            # Triton shows this sentence to whoever asked for the load; a traceback would bury it.
            raise pb_utils.TritonModelException(str(error)) from None
        except (ImportError, RuntimeError) as error:  # Diffusers tells of a missing package by either
            raise pb_utils.TritonModelException(f"the engine of this backend cannot be imported: {error}") from None
        self._studio = Studio(pb_utils, self._painter, max_queue_size=self._settings.max_queue_size)

    @staticmethod
    def complete(config: Any) -> Any:
        return complete(config, INPUTS, OUTPUTS, decoupled=True)

    def execute(self, requests: list[Any]) -> None:
        """Take requests on. A bad one is answered at once and does not concern the others."""
        for request in requests:
            sender = request.get_response_sender()
            try:
                wanted = read_request(reader(self._triton, request), self._settings, self._painter.abilities)
                self._studio.begin(wanted, sender)
            except RequestFailed as failure:
                self._studio.refuse(sender, failure)
            except Exception as error:
                self._triton.Logger.log_error(f"a request could not be taken on: {error!r}")
                self._studio.refuse(sender, RequestFailed("INTERNAL", "the request could not be taken on"))

    def close(self) -> None:
        self._studio.close()

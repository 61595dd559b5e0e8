"""What Triton calls of a backend for a language model, the same for every engine.

Knows Triton's objects as they are handed in; does not know the engine, tokens or sampling.
"""

from __future__ import annotations

import abc
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ..failures import RequestFailed
from ..settings import BadSetting, Parameters, version_folder
from ..tensors import complete, reader
from .answering import Answering
from .codec import Codec
from .engine import EngineFailed
from .infer_request import INPUTS, ImageReader, read_request
from .metrics import Metrics
from .responses import OUTPUTS, Responses
from .sampling import SamplingReader
from .settings import LanguageSettings


@dataclass(frozen=True)
class Model:
    """What a backend knows of one entry."""

    settings: LanguageSettings
    codec: Codec
    sampling: SamplingReader[Any]
    open_images: ImageReader | None = None  # None: it takes text only


class LanguageBackend(abc.ABC):
    """One instance of a model. A backend says what `pb_utils`, Triton's module, is, and opens the entry."""

    pb_utils: ClassVar[Any]

    @abc.abstractmethod
    def open(self, version_folder: Path, parameters: Parameters) -> Model:
        """The entry's settings and tokenizer. Raises BadSetting."""

    @staticmethod
    def auto_complete_config(config: Any) -> Any:
        """Add the tensors of the vLLM backend, so that an entry's config.pbtxt need not."""
        return complete(config, INPUTS, OUTPUTS, decoupled=True)

    def initialize(self, args: dict[str, str]) -> None:
        pb_utils, folder = self.pb_utils, version_folder(args)
        try:
            model = self.open(folder, Parameters.of_model_config(args["model_config"]))
            self._sampling = model.sampling
            self._open_images = model.open_images
            self._answering = Answering(
                folder,
                model.settings,
                model.codec,
                Responses(pb_utils, model.codec),
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
                tensor = reader(self.pb_utils, request)
                read = read_request(tensor, request.parameters, self._sampling, self._open_images)
                self._answering.begin(read, sender)
            except RequestFailed as failure:
                self._answering.refuse(sender, failure)
            except Exception as error:
                self.pb_utils.Logger.log_error(f"a request could not be taken on: {error!r}")
                self._answering.refuse(sender, RequestFailed("INTERNAL", "the request could not be taken on"))

    def finalize(self) -> None:
        self._answering.close()
        if self._answering.stuck:
            # A metric or a question that was under way when Triton stopped listening is never answered, and holds a
            # lock that the end of this process would wait for. Triton is waiting for nothing but that end.
            os._exit(0)

"""What Triton's face of every encoder backend does: open the model, take requests on, send answers.

A backend gives it a `Head`, which knows its own tensors. Knows Triton's Python backend, whose module is handed in.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..failures import RequestFailed, error_response
from ..inputs import Tensor
from ..settings import BadSetting, Parameters, version_folder
from ..tensors import reader
from .batches import Batches
from .description import Description, read_description
from .joining import Joining
from .metrics import Metrics
from .network import Network
from .settings import EncoderSettings, read_settings
from .tokens import Row, Tokenizer

# Kernels are built when a shape of their kind comes for the first time: texts alone, several, long ones.
_WARM_UP = ((1, 8), (4, 16), (1, 64))


@dataclass(frozen=True)
class Opened:
    """What a head is made of."""

    folder: Path
    description: Description
    settings: EncoderSettings
    tokenizer: Tokenizer


@dataclass(frozen=True)
class Question:
    """One request: its rows, and what makes the output tensors of their results."""

    rows: Sequence[Row]
    outputs: Callable[[Any], Mapping[str, Any]]


class Head(Protocol):
    """What is a backend's own."""

    def read(self, tensor: Tensor) -> Question | Mapping[str, Any]:
        """A request, or the output tensors of one that needs no network. Raises Refused."""

    def reduce(self, result: Any, mask: Any, rows: Sequence[Row]) -> Any:
        """A line of numbers for each row of a batch, from what the network gave."""

    def warmed_up(self, width: int) -> None:
        """How many numbers a line has. Raises BadSetting where that cannot be."""


class Face:
    """One instance of a model. Raises BadSetting where it cannot be opened."""

    def __init__(self, pb_utils: Any, args: Mapping[str, str], task: str, make_head: Callable[[Opened], Head]) -> None:
        self._pb = pb_utils
        folder = version_folder(args)
        settings = read_settings(Parameters.of_model_config(args["model_config"]))
        description = read_description(folder, task)
        tokenizer = Tokenizer(folder, max_tokens=description.max_tokens, truncate=settings.truncate)
        self._network = Network(folder, settings, description)
        self._head = make_head(Opened(folder, description, settings, tokenizer))
        self._warm_up(settings, description)
        self._metrics = Metrics(pb_utils, args["model_name"], args["model_version"])
        batches = Batches(settings.max_batch_tokens, one_at_a_time=settings.static_shapes)
        self._joining = Joining(
            self._compute, batches, max_waiting=settings.max_queue_texts, log=pb_utils.Logger.log_error
        )

    def execute(self, requests: Sequence[Any]) -> None:
        """Take requests on; a bad one is answered at once and does not concern the others.

        Answers are sent later, by another thread: Triton hands out the next requests meanwhile, and what has come
        while a batch was computed goes into the next.
        """
        for request in requests:
            sender = request.get_response_sender()
            try:
                question = self._head.read(reader(self._pb, request))
                if not isinstance(question, Question):
                    self._answer(sender, question)
                    continue
                self._joining.begin(question.rows, functools.partial(self._send, sender, question), sender.is_cancelled)
            except RequestFailed as failure:
                self._refuse(sender, failure)
            except Exception as error:
                self._pb.Logger.log_error(f"a request could not be taken on: {error!r}")
                self._refuse(sender, RequestFailed("INTERNAL", "the request could not be taken on"))

    def close(self) -> None:
        self._joining.close()

    def _compute(self, rows: list[Row]) -> Any:
        result, mask = self._network.run(rows)
        values = self._head.reduce(result, mask, rows)
        if not np.isfinite(values).all():
            raise ValueError("the network's result has values that are not numbers")
        self._metrics.batch(texts=len(rows), tokens=int(mask.sum()))
        return values

    def _send(self, sender: Any, question: Question, outcome: Any) -> None:
        if isinstance(outcome, RequestFailed):
            self._refuse(sender, outcome)
            return
        tokens = np.array([len(row.ids) for row in question.rows], np.uint32)
        self._answer(sender, {**question.outputs(outcome), "num_input_tokens": tokens})

    def _answer(self, sender: Any, arrays: Mapping[str, Any]) -> None:
        response = self._pb.InferenceResponse([self._pb.Tensor(name, array) for name, array in arrays.items()])
        self._metrics.ended("success")
        sender.send(response, flags=self._pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL)

    def _refuse(self, sender: Any, failure: RequestFailed) -> None:
        self._metrics.ended("cancelled" if failure.code == "CANCELLED" else "error")
        sender.send(error_response(self._pb, failure), flags=self._pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL)

    def _warm_up(self, settings: EncoderSettings, description: Description) -> None:
        for count, length in _WARM_UP:
            length = min(length, description.max_tokens)
            row = Row([description.pad_token_id + 1] * length, [0] * length)
            rows = [row] * (1 if settings.static_shapes else count)
            try:
                values = self._head.reduce(*self._network.run(rows), rows)
            except RuntimeError as error:
                raise BadSetting(f"the network cannot be run: {error}") from None
            self._head.warmed_up(int(values.shape[-1]))

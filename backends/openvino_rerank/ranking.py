"""The tensors of a cross-encoder: a query and documents in, how well each fits out.

Knows names and types; does not know the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..common.encoders.asked import texts_asked
from ..common.encoders.face import Opened, Question
from ..common.encoders.scores import ACTIVATIONS
from ..common.encoders.tokens import Row
from ..common.failures import Refused
from ..common.inputs import Tensor, text
from ..common.settings import BadSetting

TASK = "text-ranking"
INPUTS: tuple[dict[str, Any], ...] = (
    {"name": "query", "data_type": "TYPE_STRING", "dims": [1]},
    {"name": "documents", "data_type": "TYPE_STRING", "dims": [-1]},
)
OUTPUTS: tuple[dict[str, Any], ...] = (
    {"name": "score", "data_type": "TYPE_FP32", "dims": [-1]},
    {"name": "num_input_tokens", "data_type": "TYPE_UINT32", "dims": [-1]},
)


class Ranking:
    """Scores in the order of the documents; putting them in order is the caller's."""

    def __init__(self, opened: Opened) -> None:
        self._tokenizer = opened.tokenizer
        self._max_texts = opened.settings.max_texts
        self._activation = ACTIVATIONS[opened.description.activation]

    def read(self, tensor: Tensor) -> Question:
        query = text(tensor, "query") or ""
        if not query.strip():
            raise Refused("'query' is empty")
        documents = texts_asked(tensor, "documents", self._max_texts)
        return Question(self._tokenizer.rows([(query, each) for each in documents], "documents"), _outputs)

    def reduce(self, result: Any, mask: Any, rows: Sequence[Row]) -> Any:
        return self._activation(result)

    def warmed_up(self, width: int) -> None:
        if width != 1:
            raise BadSetting(f"the network gives {width} numbers for a pair, a cross-encoder gives one")


def _outputs(scores: Any) -> Mapping[str, Any]:
    return {"score": np.ascontiguousarray(scores[:, 0], np.float32)}

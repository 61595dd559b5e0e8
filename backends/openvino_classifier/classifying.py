"""The tensors of a text classifier: texts in, a score for each label out.

Knows names, types and labels; does not know the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..common.encoders.asked import texts_asked
from ..common.encoders.face import Opened, Question
from ..common.encoders.scores import ACTIVATIONS
from ..common.encoders.tokens import Row
from ..common.inputs import Tensor
from ..common.settings import BadSetting

TASK = "text-classification"
INPUTS: tuple[dict[str, Any], ...] = ({"name": "text_input", "data_type": "TYPE_STRING", "dims": [-1]},)
OUTPUTS: tuple[dict[str, Any], ...] = (
    {"name": "score", "data_type": "TYPE_FP32", "dims": [-1, -1]},
    {"name": "label", "data_type": "TYPE_STRING", "dims": [-1]},
    {"name": "num_input_tokens", "data_type": "TYPE_UINT32", "dims": [-1]},
)


class Classifying:
    """A column of `score` is the label of the same place in `label`."""

    def __init__(self, opened: Opened) -> None:
        self._tokenizer = opened.tokenizer
        self._max_texts = opened.settings.max_texts
        self._activation = ACTIVATIONS[opened.description.activation]
        self._labels = np.array([label.encode() for label in opened.description.labels], dtype=np.object_)

    def read(self, tensor: Tensor) -> Question:
        texts = texts_asked(tensor, "text_input", self._max_texts)
        return Question(self._tokenizer.rows(texts, "text_input"), self._outputs)

    def reduce(self, result: Any, mask: Any, rows: Sequence[Row]) -> Any:
        return self._activation(result)

    def warmed_up(self, width: int) -> None:
        if width != len(self._labels):
            raise BadSetting(
                f"the network gives {width} numbers for a text, encoder.json has {len(self._labels)} labels"
            )

    def _outputs(self, scores: Any) -> Mapping[str, Any]:
        return {"score": np.ascontiguousarray(scores, np.float32), "label": self._labels}

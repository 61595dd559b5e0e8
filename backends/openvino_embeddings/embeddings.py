"""The tensors of an embeddings model: texts in, a vector for each out.

Knows names, types and what may be asked; does not know the network.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..common.encoders.asked import texts_asked
from ..common.encoders.face import Opened, Question
from ..common.encoders.tokens import Row
from ..common.failures import Refused
from ..common.inputs import Tensor, flag, only, text
from ..common.language import tokens
from .pooling import normalized, pool, steps

TASK = "feature-extraction"
INPUTS: tuple[dict[str, Any], ...] = (
    {"name": "text_input", "data_type": "TYPE_STRING", "dims": [-1], "optional": True},
    {"name": "input_ids", "data_type": "TYPE_INT32", "dims": [-1, -1], "optional": True},
    {"name": "dimensions", "data_type": "TYPE_INT32", "dims": [1], "optional": True},
    {"name": "input_type", "data_type": "TYPE_STRING", "dims": [1], "optional": True},
    {"name": "truncate", "data_type": "TYPE_BOOL", "dims": [1], "optional": True},
    *tokens.INPUTS,
)
OUTPUTS: tuple[dict[str, Any], ...] = (
    {"name": "embedding", "data_type": "TYPE_FP32", "dims": [-1, -1]},
    {"name": "num_input_tokens", "data_type": "TYPE_UINT32", "dims": [-1]},
    {"name": "text_output", "data_type": "TYPE_STRING", "dims": [-1]},
    *tokens.OUTPUTS,
)
_INPUT_TYPES = ("query", "document")


class Embeddings:
    """Pools as the checkpoint says, puts the checkpoint's prompts in front, cuts vectors where it is asked."""

    def __init__(self, opened: Opened) -> None:
        self._description = opened.description
        self._tokenizer = opened.tokenizer
        self._max_texts = opened.settings.max_texts
        self._steps = steps(opened.folder, opened.description.layers)
        self._unit_length = any(layer.type == "normalize" for layer in opened.description.layers[-1:])
        self._size = 0
        # Those of `prompts` whose tokens do not count: how many they are.
        self._skip: Mapping[str, int] = {
            name: 0 if opened.description.pool_prompt or not prompt else opened.tokenizer.length_of_prompt(prompt)
            for name, prompt in opened.description.prompts.items()
        }

    def read(self, tensor: Tensor) -> Question | Mapping[str, Any]:
        operation = tokens.operation_asked(tensor)
        if operation != "generate":
            return self._tokens(operation, tensor)
        dimensions = tensor("dimensions")
        size = self._size if dimensions is None else int(only(dimensions, "dimensions"))
        if not 1 <= size <= self._size:
            raise Refused(f"'dimensions' must be from 1 to {self._size}, which this model's vectors have, not {size}")
        kind = text(tensor, "input_type")
        if kind is not None and kind not in _INPUT_TYPES:
            raise Refused(f"'input_type' must be {' or '.join(_INPUT_TYPES)}, not '{kind}'")
        return Question(self._rows(tensor, kind), functools.partial(self._outputs, size))

    def _rows(self, tensor: Tensor, kind: str | None) -> list[Row]:
        truncate = flag(tensor, "truncate") if tensor("truncate") is not None else None
        which = kind or "default"
        prompt = self._description.prompts.get(which, "")
        if (ids := tensor("input_ids")) is not None:
            if tensor("text_input") is not None:
                raise Refused("'input_ids' cannot be honoured beside a 'text_input'")
            if kind is not None and prompt:
                raise Refused("'input_type' cannot be honoured: token ids are read as they stand")
            if not 1 <= len(ids) <= self._max_texts:
                raise Refused(f"'input_ids' has {len(ids)} rows; from 1 to {self._max_texts} may be sent at once")
            given = [_filled(row, place) for place, row in enumerate(ids.tolist())]
            return self._tokenizer.rows_of_ids(given, "input_ids", truncate=truncate)
        texts = texts_asked(tensor, "text_input", self._max_texts)
        skip = self._skip.get(which, 0)
        return self._tokenizer.rows([prompt + each for each in texts], "text_input", skip=skip, truncate=truncate)

    def _tokens(self, operation: tokens.Operation, tensor: Tensor) -> Mapping[str, Any]:
        if operation == "detokenize":
            ids = tokens.ids_asked(tensor)
            if ids is None:
                raise Refused("'token_ids' is missing, which 'operation' detokenize needs")
            text_output = self._tokenizer.text_of(ids, "token_ids")
            return {"text_output": np.array([text_output.encode()], dtype=np.object_)}
        special = tensor("add_special_tokens") is None or flag(tensor, "add_special_tokens")
        found = self._tokenizer.ids_of(text(tensor, "text_input") or "", special_tokens=special)
        return {"token_ids": np.array(found, np.int32), "num_input_tokens": np.array([len(found)], np.uint32)}

    def reduce(self, result: Any, mask: Any, rows: Sequence[Row]) -> Any:
        vectors = pool(self._description.pooling, result, mask, [row.skip for row in rows])
        for step in self._steps:
            vectors = step(vectors)
        return vectors.astype(np.float32)

    def warmed_up(self, width: int) -> None:
        self._size = width

    def _outputs(self, size: int, vectors: Any) -> Mapping[str, Any]:
        if size < self._size:
            vectors = vectors[:, :size]
            # A piece of a vector of length 1 is shorter than 1; other models' vectors have no length to keep.
            vectors = normalized(vectors) if self._unit_length else vectors
        return {"embedding": np.ascontiguousarray(vectors, np.float32)}


def _filled(row: list[int], place: int) -> list[int]:
    """The ids of a row without what fills it up at its end, -1."""
    count = next((index for index, each in enumerate(row) if each == -1), len(row))
    if any(each != -1 for each in row[count:]):
        raise Refused(f"'input_ids' has a -1 among the ids of element {place}, where it may only be at the end")
    return row[:count]

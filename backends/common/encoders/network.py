"""The network in OpenVINO: a batch of rows in, an array of numbers out.

Knows inputs by their names and how a batch is padded; does not know what the numbers mean.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..settings import BadSetting
from .description import Description
from .settings import EncoderSettings
from .tokens import Row

_MODEL = "openvino_model.xml"
# What an encoder's result is called, by optimum, by sentence-transformers and by ONNX files of both.
_RESULTS = ("last_hidden_state", "token_embeddings", "logits")
_KNOWN_INPUTS = ("input_ids", "attention_mask", "token_type_ids", "position_ids")


class Network:
    """A compiled network. `run` is for one thread."""

    def __init__(self, folder: Path, settings: EncoderSettings, description: Description) -> None:
        # In the engine environment alone, and half a second.
        openvino = importlib.import_module("openvino")
        file = folder / _MODEL
        if not file.is_file():
            raise BadSetting(f"{file} is missing")
        self._pad = description.pad_token_id
        self._types = description.token_types
        self._width = description.max_tokens if settings.static_shapes else 0
        try:
            core = openvino.Core()
            model = core.read_model(file)
            self._names = [_name(port) for port in model.inputs]
            if self._width:
                model.reshape({port: [1, self._width] for port in model.inputs})
            compiled = core.compile_model(model, settings.device, dict(settings.properties))
        except RuntimeError as error:
            raise BadSetting(f"OpenVINO cannot load {file} on {settings.device}: {error}") from None
        self._result = next((port for port in compiled.outputs if _is_result(port)), compiled.outputs[0])
        self._request = compiled.create_infer_request()

    def run(self, rows: Sequence[Row]) -> tuple[Any, Any]:
        """The result and the mask: 1 where a row has a token, 0 where it was filled up."""
        width = self._width or max(len(row.ids) for row in rows)
        shape = (len(rows), width)
        ids, mask = np.full(shape, self._pad, np.int64), np.zeros(shape, np.int64)
        types = np.zeros(shape, np.int64)
        for place, row in enumerate(rows):
            count = len(row.ids)
            ids[place, :count], mask[place, :count] = row.ids, 1
            if self._types:
                types[place, :count] = row.types
        arrays: Mapping[str, Any] = {
            "input_ids": ids,
            "attention_mask": mask,
            "token_type_ids": types,
            "position_ids": np.broadcast_to(np.arange(width, dtype=np.int64), shape).copy(),
        }
        # Lets other threads run meanwhile: requests are read while a batch is computed.
        results = self._request.infer({name: arrays[name] for name in self._names}, share_inputs=True)
        return np.asarray(results[self._result], dtype=np.float32), mask


def _name(port: Any) -> str:
    names: set[str] = port.get_names()
    for name in _KNOWN_INPUTS:
        if name in names:
            return name
    raise BadSetting(f"the network has an input '{'/'.join(sorted(names))}', which no encoder has")


def _is_result(port: Any) -> bool:
    return any(name in _RESULTS for name in port.get_names())

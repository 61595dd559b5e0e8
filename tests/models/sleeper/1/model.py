"""A model that takes one request after the other and gives one answer to each, for tests of models that are not text's.

Its input is the number of seconds that it takes, as text; what is no number is refused. Knows no weights.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    @staticmethod
    def auto_complete_config(config: Any) -> Any:
        config.add_input({"name": "text_input", "data_type": "TYPE_STRING", "dims": [1]})
        config.add_output({"name": "slept", "data_type": "TYPE_FP32", "dims": [1]})
        config.set_max_batch_size(0)
        return config

    def execute(self, requests: list[Any]) -> list[Any]:
        return [_sleep(pb_utils.get_input_tensor_by_name(request, "text_input").as_numpy()[0]) for request in requests]


def _sleep(given: bytes) -> Any:
    try:
        seconds = float(given.decode())
    except ValueError as error:
        return pb_utils.InferenceResponse(
            error=pb_utils.TritonError(f"[INVALID_ARG] 'text_input' is no number: {error}")
        )
    time.sleep(seconds)
    return pb_utils.InferenceResponse([pb_utils.Tensor("slept", np.array([seconds], dtype=np.float32))])

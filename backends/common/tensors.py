"""The tensors that a backend adds to its models' configuration, so that an entry's config.pbtxt need not name them.

Knows Triton's auto-complete object; it is handed in.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any


def complete(
    config: Any, inputs: Sequence[dict[str, Any]], outputs: Sequence[dict[str, Any]], *, decoupled: bool
) -> Any:
    """Add what the configuration does not have yet; `inputs` and `outputs` are as in config.pbtxt."""
    given = config.as_dict()
    for tensor in inputs:
        if tensor["name"] not in [each["name"] for each in given["input"]]:
            config.add_input(tensor)
    for tensor in outputs:
        if tensor["name"] not in [each["name"] for each in given["output"]]:
            config.add_output(tensor)
    config.set_max_batch_size(0)
    config.set_model_transaction_policy({"decoupled": decoupled})
    return config


def reader(pb_utils: Any, request: Any) -> Callable[[str], Any | None]:
    """What gives a request's input by name as an array, or None where it was not sent."""
    return functools.partial(_array, pb_utils, request)


def _array(pb_utils: Any, request: Any, name: str) -> Any | None:
    tensor = pb_utils.get_input_tensor_by_name(request, name)
    return None if tensor is None else tensor.as_numpy()

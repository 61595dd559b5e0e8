"""From the numbers that a classifier gives to scores.

Knows arrays; does not know labels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def _sigmoid(values: Any) -> Any:
    # Half of the range each way: the exponential of a large number would overflow.
    small = np.exp(-np.abs(values))
    return np.where(values >= 0, 1 / (1 + small), small / (1 + small))


def _softmax(values: Any) -> Any:
    shifted = np.exp(values - values.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "identity": lambda values: values,
    "sigmoid": _sigmoid,
    "softmax": _softmax,
    "tanh": np.tanh,
    "relu": lambda values: np.maximum(values, 0),
}

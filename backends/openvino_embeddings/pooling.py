"""From the vectors of a text's tokens to the one vector of the text, as sentence-transformers does it.

Knows arrays; does not know texts. In every batch rows are filled up at their end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..common.encoders.description import Layer
from ..common.settings import BadSetting

_LEAST = 1e-12  # as PyTorch's normalize: a vector of zeros stays one
_ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "identity": lambda values: values,
    "tanh": np.tanh,
    "relu": lambda values: np.maximum(values, 0),
    "sigmoid": lambda values: 1 / (1 + np.exp(-values)),
}

Step = Callable[[Any], Any]


def pool(modes: Sequence[str], tokens: Any, mask: Any, skip: Sequence[int]) -> Any:
    """One vector for each row: `tokens` is rows x length x size, the first `skip` tokens of a row do not count."""
    counted = mask * (np.arange(mask.shape[1]) >= np.array(skip)[:, None])
    # A row that is nothing but what does not count keeps what it has.
    counted = np.where(counted.any(axis=1, keepdims=True), counted, mask)
    return np.concatenate([_POOLS[mode](tokens, counted.astype(np.float32)) for mode in modes], axis=-1)


def normalized(vectors: Any) -> Any:
    """Vectors of length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), _LEAST)


def steps(folder: Path, layers: Sequence[Layer]) -> list[Step]:
    """What follows pooling. Raises BadSetting where the weights of a layer cannot be read."""
    return [normalized if layer.type == "normalize" else _dense(folder, layer) for layer in layers]


def _dense(folder: Path, layer: Layer) -> Step:
    file = folder / layer.file
    if layer.activation not in _ACTIVATIONS:
        raise BadSetting(f"a dense layer cannot have the activation '{layer.activation}'")
    activation = _ACTIVATIONS[layer.activation]
    try:
        # Nothing but arrays is read from it: no pickle.
        with np.load(file, allow_pickle=False) as arrays:
            weight, bias = arrays["weight"], arrays["bias"] if "bias" in arrays else np.float32(0)
    except (OSError, ValueError, KeyError) as error:
        raise BadSetting(f"{file} cannot be read: {error}") from None
    return lambda vectors: activation(vectors @ weight.T + bias)


def _first(tokens: Any, mask: Any) -> Any:
    return tokens[np.arange(len(tokens)), mask.argmax(axis=1)]


def _last(tokens: Any, mask: Any) -> Any:
    last = mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)
    return tokens[np.arange(len(tokens)), last]


def _sum(tokens: Any, weights: Any) -> Any:
    # One product of matrices per row: no copy of the whole batch.
    return np.matmul(weights[:, None, :], tokens)[:, 0]


def _mean(tokens: Any, mask: Any) -> Any:
    return _sum(tokens, mask) / mask.sum(axis=1, keepdims=True)


def _mean_sqrt(tokens: Any, mask: Any) -> Any:
    return _sum(tokens, mask) / np.sqrt(mask.sum(axis=1, keepdims=True))


def _weighted_mean(tokens: Any, mask: Any) -> Any:
    return _mean(tokens, mask * np.arange(1, mask.shape[1] + 1, dtype=np.float32))


def _max(tokens: Any, mask: Any) -> Any:
    return np.where(mask[:, :, None] > 0, tokens, -np.inf).max(axis=1)


_POOLS: dict[str, Callable[[Any, Any], Any]] = {
    "cls": _first,
    "lasttoken": _last,
    "mean": _mean,
    "mean_sqrt_len_tokens": _mean_sqrt,
    "weightedmean": _weighted_mean,
    "max": _max,
}

"""NNCF held to a little memory: weights are compressed some rows at a time, by one network for all of them.

NNCF compresses a weight as a whole, in 32-bit copies of it, and compiles a network for each; the embedding of a large
vocabulary then takes more memory than all else, and copies that no cache holds take twice the time. Rows do not depend
on each other where the scales are a row's own.
Knows NNCF's functions for OpenVINO; computes nothing itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

_BLOCK = 4 * 2**20  # weights at a time: 16 MiB in 32 bits, of which there are a few copies
_LET_GO_EVERY = 32 * 2**20  # weights


@contextlib.contextmanager
def blockwise(let_go: Callable[[], None]) -> Iterator[None]:
    """Inside, `nncf.compress_weights` of an OpenVINO model goes by blocks; what it computes is the same.

    `let_go` is called now and then, when weights that were read are not needed again.
    """
    from nncf.quantization.algorithms.weight_compression import openvino_backend

    whole = openvino_backend.compress_weight
    read = 0

    def compress(weight: Any, reduction_axes: Any, config: Any, precomputed: Any = None) -> Any:
        nonlocal read
        read += weight.size
        if read > _LET_GO_EVERY:
            let_go()
            read = 0
        if precomputed is not None or not config.is_integer:
            return whole(weight, reduction_axes, config, precomputed)
        with _compiled_once():
            if _by_rows(weight, reduction_axes):
                return _in_blocks(whole, weight, reduction_axes, config)
            return _copied(whole(weight, reduction_axes, config))

    openvino_backend.compress_weight = compress
    try:
        yield
    finally:
        openvino_backend.compress_weight = whole


@contextlib.contextmanager
def _compiled_once() -> Iterator[None]:
    """NNCF keeps no compiled network here, since each holds its last result; we copy the results instead."""
    from nncf.openvino.optimized_functions.models import OV_MODEL_CACHE

    kept = OV_MODEL_CACHE.enabled()
    OV_MODEL_CACHE.enable()
    try:
        yield
    finally:
        if not kept:
            OV_MODEL_CACHE.disable()


def _by_rows(weight: Any, reduction_axes: Any) -> bool:
    return len(weight.shape) == 2 and tuple(reduction_axes) == (1,) and weight.backend.name == "ov"


def _in_blocks(whole: Any, weight: Any, reduction_axes: Any, config: Any) -> Any:
    import openvino as ov
    from nncf.quantization.algorithms.weight_compression.weight_lowering import CompressedWeight
    from nncf.tensor import Tensor

    rows, columns = weight.shape
    # Of equal size, since NNCF computes a small rest in another way and form; and even, as 4 bits fill bytes in pairs.
    blocks = -(-rows * columns // _BLOCK)
    step = -(-rows // blocks // 2) * 2
    whole_parts: list[Any] = []
    for start in range(0, rows, step):
        end = min(rows, start + step)
        block = Tensor(ov.Tensor(weight.data, ov.Coordinate([start, 0]), ov.Coordinate([end, columns])))
        made = whole(block, reduction_axes, config)
        parts = [made.tensor, made.scale, made.zero_point]
        if not whole_parts:
            whole_parts = [None if part is None else _room(part, rows) for part in parts]
        for whole_part, part in zip(whole_parts, parts, strict=True):
            if part is not None:
                _put(part.data, whole_part, start)
    tensor, scale, zero_point = (None if part is None else Tensor(part) for part in whole_parts)
    return CompressedWeight(tensor, scale, zero_point=zero_point)


def _room(part: Any, rows: int) -> Any:
    """For what `part` is of a block: an array of so many rows, or a tensor of OpenVINO, as 4 bits are."""
    import numpy as np
    import openvino as ov

    if part.backend.name != "ov":
        return np.empty((rows, *part.shape[1:]), part.data.dtype)
    return ov.Tensor(part.data.element_type, ov.Shape([rows, *part.shape[1:]]))


def _put(part: Any, whole: Any, start: int) -> None:
    import numpy as np

    if isinstance(part, np.ndarray):
        whole[start : start + len(part)] = part
        return
    # Of 4 bits OpenVINO shows the bytes, two numbers in each, in one row.
    first = start * (whole.size // whole.shape[0]) // 2
    whole.data[first : first + part.data.size] = part.data


def _copied(made: Any) -> Any:
    for name in ("tensor", "scale", "zero_point"):
        if (part := getattr(made, name)) is not None:
            setattr(made, name, _copy(part))
    return made


def _copy(part: Any) -> Any:
    import openvino as ov
    from nncf.tensor import Tensor

    if part.backend.name != "ov":
        return Tensor(part.data.copy())
    copy = ov.Tensor(part.data.element_type, part.data.shape)
    part.data.copy_to(copy)
    return Tensor(copy)

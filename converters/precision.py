"""The precisions of weights on offer, and the one that is right when nobody asks for one.

Knows sizes and what a device can run; does not know how weights are compressed.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

Precision = Literal["int4", "int4-cw", "int8", "fp16"]
Device = Literal["CPU", "GPU", "NPU"]

PRECISIONS: tuple[str, ...] = get_args(Precision)
DEVICES: tuple[str, ...] = get_args(Device)

# How weights are compressed, in the words of optimum's OVWeightQuantizationConfig; nothing for 16-bit numbers.
RECIPES: dict[Precision, dict[str, Any]] = {
    # "adjust": layers whose width 128 does not divide, as small models have, take the next smaller group.
    "int4": {"bits": 4, "sym": False, "group_size": 128, "ratio": 1.0, "group_size_fallback": "adjust"},
    "int4-cw": {"bits": 4, "sym": True, "group_size": -1, "ratio": 1.0},
    "int8": {"bits": 8, "sym": False},
    "fp16": {},
}
# Bytes per parameter with scales and zero points, a little above what is measured.
BYTES_PER_PARAMETER: dict[Precision, float] = {"int4": 0.6, "int4-cw": 0.6, "int8": 1.05, "fp16": 2.0}
# NPUs run 16-bit and symmetric 4-bit weights; asymmetric ones have a zero point that they have no place for.
NPU_PRECISIONS: tuple[Precision, ...] = ("int4-cw", "fp16")
_SMALL = 1_000_000_000  # parameters; below it 4 bits cost more quality than the memory is worth

_TINY = 100_000_000  # parameters; below it 32-bit arithmetic is no slower on a CPU, see docs/converting.md
# Below this, a step is over before a second thread has woken up, and every thread of the engine that waits for a
# processor holds the step up: on two cores, eight streams of 5 M parameters had their first token after 297 ms (p95)
# with two threads, after 43 ms with one, and as many tokens a second.
_ONE_THREAD = 20_000_000


def arithmetic(parameters: int, device: Device) -> dict[str, str]:
    """What the engine is told of its own arithmetic, as parameters of the backend; nothing is the device's default.

    In 16-bit arithmetic and with an 8-bit cache, the logits of a sequence depend a little on what else is computed in
    the same step, and a sampled answer with a seed is then not the same twice. Tiny models need not pay with that.
    """
    if device != "CPU" or parameters >= _TINY:
        return {}
    exact = {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32"}
    return exact | ({"INFERENCE_NUM_THREADS": "1"} if parameters < _ONE_THREAD else {})


def chosen_precision(asked: Precision | None, parameters: int, device: Device) -> tuple[Precision, str]:
    """The precision and, where we chose it, why; an empty reason means that it was asked for."""
    if asked is not None:
        return asked, ""
    if device == "NPU":
        return "int4-cw", "the 4-bit form that NPUs run"
    if parameters < _SMALL:
        return "int8", f"below 1 B parameters ({in_words(parameters)}), 4 bits would cost too much quality"
    return "int4", f"{in_words(parameters)} parameters"


def in_words(parameters: int) -> str:
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if parameters >= size:
            return f"{parameters / size:.3g} {unit}"
    return str(parameters)

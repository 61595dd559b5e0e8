"""The precisions of weights on offer, and the one that is right when nobody asks for one.

Knows sizes and what a device can run; does not know how weights are compressed.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

Precision = Literal["int4", "int4-cw", "int4-awq", "int8", "fp16", "nf4", "mxfp4"]
Device = str  # as OpenVINO names them: CPU, GPU, GPU.1, NPU, AUTO, HETERO:GPU,CPU; cuda for the CUDA targets

PRECISIONS: tuple[str, ...] = get_args(Precision)
KINDS_OF_DEVICES = ("CPU", "GPU", "NPU", "AUTO", "HETERO", "MULTI")

# How weights are compressed, in the words of optimum's OVWeightQuantizationConfig; nothing for 16-bit numbers.
RECIPES: dict[str, dict[str, Any]] = {
    # "adjust": layers whose width 128 does not divide, as small models have, take the next smaller group.
    "int4": {"bits": 4, "sym": False, "group_size": 128, "ratio": 1.0, "group_size_fallback": "adjust"},
    "int4-cw": {"bits": 4, "sym": True, "group_size": -1, "ratio": 1.0},
    # Activation-aware: scales are chosen on calibration text, ours or the user's.
    "int4-awq": {
        "bits": 4,
        "sym": False,
        "group_size": 128,
        "ratio": 1.0,
        "group_size_fallback": "adjust",
        "quant_method": "awq",
    },
    "int8": {"bits": 8, "sym": False},
    "fp16": {},
    "nf4": {"bits": 4, "dtype": "nf4", "group_size": 64, "ratio": 1.0, "group_size_fallback": "adjust"},
    "mxfp4": {"bits": 4, "dtype": "mxfp4", "group_size": 32, "ratio": 1.0, "group_size_fallback": "ignore"},
}
# Bytes per parameter with scales and zero points, a little above what is measured.
BYTES_PER_PARAMETER: dict[str, float] = {
    "int4": 0.6,
    "int4-cw": 0.6,
    "int4-awq": 0.6,
    "int8": 1.05,
    "fp16": 2.0,
    "nf4": 0.6,
    "mxfp4": 0.6,
}
# NPUs run 16-bit and symmetric 4-bit weights; asymmetric ones have a zero point that they have no place for.
NPU_PRECISIONS: tuple[Precision, ...] = ("int4-cw", "fp16")
_SMALL = 1_000_000_000  # parameters; below it 4 bits cost more quality than the memory is worth

_TINY = 100_000_000  # parameters; below it 32-bit arithmetic is no slower on a CPU, see docs/converting.md
# Below this, a step is over before a second thread has woken up, and every thread of the engine that waits for a
# processor holds the step up: on two cores, eight streams of 5 M parameters had their first token after 297 ms (p95)
# with two threads, after 43 ms with one, and as many tokens a second.
_ONE_THREAD = 20_000_000

_IN_32_BITS = {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32"}
# For fidelity, which measures the weights and not a processor's shortcuts: bfloat16, and activations rounded to 8 bits.
# EXECUTION_MODE_HINT=ACCURACY forbids these too, but with AMX it unpacks all weights to 32 bits.
EXACT = _IN_32_BITS | {"DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"}


def arithmetic(parameters: int, device: Device) -> dict[str, str]:
    """What the engine is told of its own arithmetic, as parameters of the backend; nothing is the device's default.

    In 16-bit arithmetic and with an 8-bit cache, the logits of a sequence depend a little on what else is computed in
    the same step, and a sampled answer with a seed is then not the same twice. Tiny models need not pay with that.
    """
    if device != "CPU" or parameters >= _TINY:
        return {}
    return _IN_32_BITS | ({"INFERENCE_NUM_THREADS": "1"} if parameters < _ONE_THREAD else {})


def chosen_precision(asked: Precision | None, parameters: int, device: Device) -> tuple[Precision, str]:
    """The precision and, where we chose it, why; an empty reason means that it was asked for."""
    if asked is not None:
        return asked, ""
    if "NPU" in device:
        return "int4-cw", "the 4-bit form that NPUs run"
    if parameters < _SMALL:
        return "int8", f"below 1 B parameters ({in_words(parameters)}), 4 bits would cost too much quality"
    return "int4", f"{in_words(parameters)} parameters"


# What a GGUF file's weights become in OpenVINO: as many bits as they have, or the next more.
_GGUF_BITS = {"1": "int4", "2": "int4", "3": "int4", "4": "int4", "5": "int8", "6": "int8", "8": "int8"}


def closest_to_gguf(quantization: str) -> Precision:
    """The precision of ours that is closest to a GGUF quantization such as Q4_K_M, Q5_0 or F16."""
    if quantization.upper().startswith("MXFP4"):
        return "mxfp4"
    digits = [letter for letter in quantization if letter.isdigit()]
    if not digits or quantization.upper().startswith(("F", "BF")):
        return "fp16"
    found = _GGUF_BITS.get(digits[0], "int8")
    return "int4" if found == "int4" else "int8"


def in_words(parameters: int) -> str:
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if parameters >= size:
            return f"{parameters / size:.3g} {unit}"
    return str(parameters)

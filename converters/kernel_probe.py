"""How fast this processor multiplies a vector by weights of 16, 8 and 4 bits: `kernel_probe.py THREADS`.

A decode step of one stream does little else. Chains of layers too large for any cache, their weights laid out as NNCF
lays them out, so that OpenVINO unpacks them as it does those of an entry. Runs by its path in the engine's interpreter,
so it imports nothing of ours. Prints JSON on its last line: bytes of weights per second, by bits.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from typing import Any

_WIDTH, _GROUP = 4096, 128
_LAYERS = {16: 4, 8: 6, 4: 10}  # about 100 MB of weights
_UNTIL_S = 0.7  # passes are repeated for so long, and the best one counts: others work on the machine too


def main(threads: int) -> None:
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # importing openvino calls home otherwise
    print(json.dumps({str(bits): _rate(bits, count, threads) for bits, count in _LAYERS.items()}))


def _rate(bits: int, layers: int, threads: int) -> float:
    import numpy as np
    import openvino as ov
    from openvino import opset13 as ops

    given = ops.parameter([1, 1, _WIDTH], ov.Type.f32)
    found = given
    for _ in range(layers):
        found = ops.matmul(found, _weights(bits), False, True)
    hints = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    compiled = ov.Core().compile_model(ov.Model([found], [given]), "CPU", hints)
    request, vector = compiled.create_infer_request(), np.ones((1, 1, _WIDTH), np.float32)
    request.infer([vector])  # the first run lays the weights out
    best, until = float("inf"), time.monotonic() + _UNTIL_S
    while best == float("inf") or time.monotonic() < until:
        started = time.perf_counter()
        request.infer([vector])
        best = min(best, time.perf_counter() - started)
    return layers * _WIDTH * _WIDTH * bits / 8 / best


def _weights(bits: int) -> Any:
    """A matrix of small numbers, in 32 bits where it is used."""
    import numpy as np
    import openvino as ov
    from openvino import opset13 as ops

    random = np.random.default_rng(bits)
    if bits == 16:
        values = random.random((_WIDTH, _WIDTH), np.float32) / _WIDTH
        return ops.convert(ops.constant(values.astype(np.float16)), ov.Type.f32)
    shape = (_WIDTH, _WIDTH) if bits == 8 else (_WIDTH, _WIDTH // _GROUP, _GROUP)
    rows = (*shape[:-1], 1)
    kind = ov.Type.u8 if bits == 8 else ov.Type.u4
    middle = 1 << (bits - 1)
    packed = ov.Tensor(kind, ov.Shape(shape))  # two of four bits in a byte
    packed.data.reshape(-1)[:] = random.integers(0, 256, packed.byte_size, np.uint8)
    numbers = ops.convert(ops.constant(packed), ov.Type.f16)
    zero = ops.convert(ops.constant(np.full(rows, middle, np.uint8), kind), ov.Type.f16)
    scaled = ops.multiply(ops.subtract(numbers, zero), ops.constant(np.full(rows, 0.01 / middle, np.float16)))
    whole = scaled if bits == 8 else ops.reshape(scaled, ops.constant([_WIDTH, _WIDTH], ov.Type.i64), False)
    return ops.convert(whole, ov.Type.f32)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(int(sys.argv[1]))

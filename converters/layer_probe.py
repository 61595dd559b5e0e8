"""How long a decode step of one stream takes a language model of some shape on this processor: `layer_probe.py JSON`.

Layers of the model's own widths, with weights laid out as NNCF lays them out, so that OpenVINO unpacks them and fuses
the operations around them as it does those of an entry; the numbers in them do not matter. As many as no cache holds.
Runs by its path in the engine's interpreter, so it imports nothing of ours. Prints JSON on its last line: seconds of
one layer, and of the output layer.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from typing import Any

_BITS = {"f16": 16, "u8": 8, "u4": 4, "i4": 4}  # by OpenVINO's names of types
_CACHED = 128  # tokens that a layer finds in its cache
# Of the output layer. All of them where there is memory: with AMX, each of more than about 65536 takes twice as long.
_FEWEST_ROWS = 32768
# Rounds of passes, of which the best one counts: others work on the machine too. A round is long enough that a step
# which another process holds up counts in it as it does in an answer.
_ROUND_S, _UNTIL_S = 0.4, 1.2


def main(asked: dict[str, Any]) -> None:
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # importing openvino calls home otherwise
    row = asked["width"] * (4 if asked["output_weights"] == "f16" else 1)  # bytes, while it is laid out
    rows = min(asked["vocabulary"], max(_FEWEST_ROWS, asked["spare"] // row))
    found = {
        "layer": _time_of_layer(asked),
        "output": _time_of_output(asked, rows) * asked["vocabulary"] / rows,
    }
    print(json.dumps(found))


def _time_of_layer(asked: dict[str, Any]) -> float:
    import numpy as np
    import openvino as ov
    from openvino import opset13 as ops

    layer = Layer(asked)
    count: int = min(max(2, -(-asked["uncached"] // layer.bytes)), asked["layers"])
    # Of any number of tokens, as an entry's are: kernels for a number that is known are others, and faster.
    given = ops.parameter([-1, -1, asked["width"]], ov.Type.f32)
    cache = ops.parameter([-1, asked["kv_heads"], -1, asked["head_size"]], ov.Type.f32)
    found = given
    for _ in range(count):
        found = layer.append_to(found, cache)
    vector = np.ones((1, 1, asked["width"]), np.float32)
    cached = np.full((1, asked["kv_heads"], _CACHED, asked["head_size"]), 0.1, np.float32)
    seconds = _best(ov.Model([found], [given, cache]), [vector, cached], asked)
    return seconds / count


def _time_of_output(asked: dict[str, Any], rows: int) -> float:
    import numpy as np
    import openvino as ov
    from openvino import opset13 as ops

    given = ops.parameter([-1, -1, asked["width"]], ov.Type.f32)
    kind = asked["output_weights"]
    each = rows * asked["width"] * _BITS[kind] // 8
    whole = asked["layers"] * Layer(asked).bytes + each
    # As many copies as no cache holds, each added to what is found; of a model that a cache holds, one.
    matrices = -(-asked["uncached"] // each) if whole > asked["uncached"] else 1
    found = None
    for number in range(matrices):
        product = ops.matmul(given, _weights(rows, asked["width"], kind, 0, number), False, True)
        found = product if found is None else ops.add(found, product)
    vector = np.ones((1, 1, asked["width"]), np.float32)
    return _best(ov.Model([found], [given]), [vector], asked) / matrices


def _best(model: Any, inputs: list[Any], asked: dict[str, Any]) -> float:
    """Seconds of a pass, in the best round."""
    import openvino as ov
    from openvino._offline_transformations import compress_model_transformation

    if asked["weights"] == "f16":
        compress_model_transformation(model)  # as exports do: to 16 bits, marked as something to be kept so
    hints = {"INFERENCE_NUM_THREADS": asked["threads"], "PERFORMANCE_HINT": "LATENCY", **asked["properties"]}
    request = ov.Core().compile_model(model, "CPU", hints).create_infer_request()
    request.infer(inputs)  # the first run lays the weights out
    best: float = float("inf")
    until = time.monotonic() + _UNTIL_S
    while best == float("inf") or time.monotonic() < until:
        passes, started = 0, time.perf_counter()
        while (passed := time.perf_counter() - started) < _ROUND_S:
            request.infer(inputs)
            passes += 1
        best = min(best, passed / passes)
    return best


class Layer:
    """A decoder layer as most models have it: attention with grouped heads and rotary positions, and a gated network.

    Of a mixture of experts the network is there once for each expert that a token visits.
    """

    def __init__(self, asked: dict[str, Any]) -> None:
        self._asked = asked
        self._width, self._size = asked["width"], asked["head_size"]
        self._kv_heads, self._group = asked["kv_heads"], asked["heads"] // asked["kv_heads"]
        self._number = 0

    @property
    def bytes(self) -> int:
        """Of its weights, without scales."""
        heads = self._kv_heads * (2 * self._group + 2)
        matrices = (3 if self._asked["gated"] else 2) * self._asked["visited"]
        numbers: int = self._width * (heads * self._size + matrices * self._asked["inner"])
        return max(1, numbers * _BITS[self._asked["weights"]] // 8)

    def append_to(self, given: Any, cache: Any) -> Any:
        from openvino import opset13 as ops

        attended = ops.add(given, self._attention(self._normalized(given), cache))
        network = self._normalized(attended)
        found = attended
        for _ in range(self._asked["visited"]):
            found = ops.add(found, self._network(network))
        return found

    def _attention(self, given: Any, cache: Any) -> Any:
        from openvino import opset13 as ops

        kv_width = self._kv_heads * self._size
        query = self._rotated(self._heads(self._times(given, kv_width * self._group)))
        key = self._rotated(self._heads(self._times(given, kv_width)))
        value = self._heads(self._times(given, kv_width))
        keys = ops.concat([cache, key], 2)
        values = ops.concat([cache, value], 2)
        attended = ops.scaled_dot_product_attention(query, keys, values)
        flat = ops.reshape(attended, ops.constant([0, -1, kv_width * self._group]), True)
        return self._times(flat, self._width)

    def _heads(self, given: Any) -> Any:
        """[1, key-value heads, tokens or queries of the group, size]: what a group asks of its keys is one product."""
        from openvino import opset13 as ops

        return ops.reshape(given, ops.constant([0, self._kv_heads, -1, self._size]), True)

    def _rotated(self, given: Any) -> Any:
        import numpy as np
        from openvino import opset13 as ops

        angles = np.arange(self._size, dtype=np.float32).reshape(1, 1, 1, self._size)
        parts = [self._size // 2, self._size - self._size // 2]
        first, second = ops.variadic_split(given, ops.constant(3), ops.constant(parts)).outputs()
        turned = ops.concat([ops.multiply(second, ops.constant(np.float32(-1))), first], 3)
        return ops.add(
            ops.multiply(given, ops.constant(np.cos(angles))), ops.multiply(turned, ops.constant(np.sin(angles)))
        )

    def _normalized(self, given: Any) -> Any:
        import numpy as np
        from openvino import opset13 as ops

        squares = ops.power(given, ops.constant(np.float32(2)))
        mean = ops.reduce_mean(squares, ops.constant([-1]), True)
        root = ops.sqrt(ops.add(mean, ops.constant(np.float32(1e-6))))
        divided = ops.multiply(given, ops.divide(ops.constant(np.float32(1)), root))
        return ops.multiply(ops.constant(np.ones((1, 1, self._width), np.float32)), divided)

    def _network(self, given: Any) -> Any:
        from openvino import opset13 as ops

        inner = self._asked["inner"]
        found = self._times(given, inner)
        # OpenVINO makes of it a Swish with one input, as entries have. That of ops.swish() has two, and with AMX the
        # three products around it are then not fused.
        found = ops.multiply(found, ops.sigmoid(found))
        if self._asked["gated"]:
            found = ops.multiply(found, self._times(given, inner))
        return self._times(found, self._width)

    def _times(self, given: Any, rows: int) -> Any:
        from openvino import opset13 as ops

        self._number += 1
        width = given.get_output_partial_shape(0)[-1].get_length()
        kind, group = self._asked["weights"], self._asked["group"]
        return ops.matmul(given, _weights(rows, width, kind, group, self._number), False, True)


def _weights(rows: int, width: int, kind: str, group: int, number: int) -> Any:
    """A matrix in 32 bits where it is used, and as `kind` in memory; `group` is 0 where a row has one scale."""
    import numpy as np
    import openvino as ov
    from openvino import opset13 as ops

    piece = np.random.default_rng(number).integers(0, 256, 2**16, np.uint8)
    if kind == "f16":
        return ops.constant(np.resize((piece - 128.0) / 1e4, (rows, width)).astype(np.float32))  # see `_best`
    grouped = 0 < group < width and width % group == 0
    shape = (rows, width // group, group) if grouped else (rows, width)
    scales = (*shape[:-1], 1)
    called = getattr(ov.Type, kind)  # Type("u4") would be numpy's: four bytes
    packed = ov.Tensor(called, ov.Shape(shape))  # two of four bits in a byte
    packed.data.reshape(-1).view(np.uint8)[:] = np.resize(piece, packed.byte_size)
    numbers = ops.convert(ops.constant(packed), ov.Type.f16)
    if kind.startswith("u"):  # symmetric ones have no zero point
        zero = ops.constant(np.full(scales, 1 << (_BITS[kind] - 1), np.uint8), called)
        numbers = ops.subtract(numbers, ops.convert(zero, ov.Type.f16))
    scaled = ops.multiply(numbers, ops.constant(np.full(scales, 1e-4, np.float16)))
    whole = ops.reshape(scaled, ops.constant([rows, width]), False) if grouped else scaled
    return ops.convert(whole, ov.Type.f32)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(json.loads(sys.argv[1]))

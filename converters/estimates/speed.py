"""Tokens per second of one stream: a step reads every weight that it needs once, and the cache.

Knows which weights a step needs; does not measure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from converters.contents import Contents
from converters.estimates.serving import cache_of_token
from converters.estimates.shape import shape_of
from converters.estimates.weights import LINKED, of_ends, weights_bytes
from converters.precision import RECIPES

# The share of the bandwidth that kernels are taken to reach where it was not measured: unpacking costs more, the fewer
# bits there are. For a processor with enough cores to keep its memory busy; two old cores reach half of it.
_ASSUMED = {16: 0.8, 8: 0.8, 4: 0.7}


def weights_of_step(contents: Contents, exporter: str, precision: str) -> Mapping[int, int]:
    """Bytes of weights that one decode step of one sequence reads, by their bits.

    The output layer keeps 8 bits where the rest has 4. Of the table of tokens one row is read, unless it is the output
    layer too.
    """
    whole = contents.bytes if exporter in LINKED else weights_bytes(contents, precision)
    each = whole / max(1, contents.parameters)
    shape = shape_of(contents)
    if shape is None or not contents.parameters:
        return {_bits(each): whole}
    idle = int(shape.idle_experts * each)
    if exporter in LINKED or precision not in RECIPES:
        table = shape.embedding * each if shape.output_layer else 0
        return {_bits(each): int(whole - idle - table)}
    output = int(shape.embedding * of_ends(precision, shape))
    body = whole - idle - output * (2 if shape.output_layer else 1)
    bits = int(RECIPES[precision].get("bits", 16))
    parts = Counter({max(8, bits): output})
    parts[bits] += body
    return parts


def cache_of_step(contents: Contents, exporter: str, precision: str, *, context: int) -> int:
    """Bytes of cache that one decode step of one sequence reads, with half of its context filled."""
    shape = shape_of(contents)
    return context // 2 * cache_of_token(contents, exporter, precision, shape) if shape else 0


def tokens_per_second(
    contents: Contents,
    exporter: str,
    precision: str,
    *,
    context: int,
    bandwidth: float,
    kernels: Mapping[int, float] | None = None,
) -> float:
    """`bandwidth` in bytes per second as `modelyard.host` measures it.

    `kernels` are bytes of weights per second by bits as OpenVINO reaches them here. llama.cpp has kernels of its own.
    """
    own = kernels if kernels and exporter != "llamacpp" else {bits: bandwidth * of for bits, of in _ASSUMED.items()}
    weights = sum(read / own[bits] for bits, read in weights_of_step(contents, exporter, precision).items())
    return 1 / max(1e-9, weights + cache_of_step(contents, exporter, precision, context=context) / bandwidth)


def _bits(bytes_per_parameter: float) -> int:
    return 16 if bytes_per_parameter > 1.5 else 8 if bytes_per_parameter > 0.9 else 4

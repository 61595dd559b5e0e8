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

# The share of the bandwidth that kernels are taken to reach where no step was measured: unpacking costs more, the fewer
# bits there are. For a processor with enough cores to keep its memory busy; two old cores reach half of it.
_ASSUMED = {16: 0.8, 8: 0.8, 4: 0.7}
# Tokens that are in the cache on average while a step is measured.
_CACHED = 100


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


def tokens_per_second(
    contents: Contents, exporter: str, precision: str, *, context: int, bandwidth: float, step: float | None = None
) -> float:
    """With half of the context filled. `bandwidth` in bytes per second as `modelyard.host` measures it.

    `step` are the seconds of a decode step with a short cache, where they were measured on this host.
    """
    shape = shape_of(contents)
    cached = context // 2 if step is None else max(0, context // 2 - _CACHED)
    cache = cached * cache_of_token(contents, exporter, precision, shape) if shape else 0
    if step is None:
        weights = weights_of_step(contents, exporter, precision)
        step = sum(read / (bandwidth * _ASSUMED[bits]) for bits, read in weights.items())
    return 1 / max(1e-9, step + cache / bandwidth)


def bits_of(contents: Contents) -> int:
    """16, 8 or 4: what most of the weights have as they are."""
    return _bits(contents.bytes / max(1, contents.parameters))


def _bits(bytes_per_parameter: float) -> int:
    return 16 if bytes_per_parameter > 1.5 else 8 if bytes_per_parameter > 0.9 else 4

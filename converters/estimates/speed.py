"""Tokens per second of one stream, from the memory's bandwidth: a step reads every weight that it needs once.

Knows which weights a step needs; does not measure.
"""

from __future__ import annotations

from converters.contents import Contents
from converters.estimates.serving import cache_of_token
from converters.estimates.shape import shape_of
from converters.estimates.weights import LINKED, weights_bytes

# The share of the bandwidth that kernels are taken to reach with weights in 16, 8 and 4 bits: unpacking costs more, the
# fewer bits there are. Assumed, for a processor with enough cores to keep its memory busy; two cores reach about half.
_REACHED = {2.0: 0.8, 1.0: 0.8, 0.5: 0.7}


def bytes_of_step(contents: Contents, exporter: str, precision: str, *, context: int) -> int:
    """Bytes that one decode step of one sequence reads, with half of its context in the cache."""
    whole = contents.bytes if exporter in LINKED else weights_bytes(contents, precision)
    shape = shape_of(contents)
    if shape is None or not contents.parameters:
        return whole
    each = whole / contents.parameters
    idle = shape.idle_experts * each
    if shape.output_layer:
        idle += shape.embedding * each  # one row of the table is read, and not the table
    return int(whole - idle) + context // 2 * cache_of_token(contents, exporter, precision, shape)


def tokens_per_second(contents: Contents, exporter: str, precision: str, *, context: int, bandwidth: float) -> float:
    """`bandwidth` in bytes per second, as `modelyard.host` measures it."""
    read = bytes_of_step(contents, exporter, precision, context=context)
    whole = contents.bytes if exporter in LINKED else weights_bytes(contents, precision)
    each = whole / max(1, contents.parameters)
    reached = next(share for size, share in _REACHED.items() if each >= size or size == min(_REACHED))
    return bandwidth * reached / max(1, read)

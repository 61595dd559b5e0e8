"""Bytes of the weights in each precision.

Knows how NNCF lays weights out: embedding and output layer keep 8 bits where the rest has four.
"""

from __future__ import annotations

from converters.contents import Contents
from converters.estimates.shape import Shape, shape_of
from converters.precision import BYTES_PER_PARAMETER, RECIPES

_MiB = 2**20
# The network as XML, and what lies beside it: tokenizer and detokenizer in their two forms.
_XML_PER_LAYER = 90_000
_FIXED = 1 * _MiB
# Bytes of scale and zero point of each row, or of each group of a row: 16 bits and as many as a weight has.
_ROW_OF_8 = 3.0
LINKED = frozenset({"llamacpp", "vllm", "diffusers", "openvino_ready"})  # exporters that keep the weights as they are


def entry_bytes(contents: Contents, exporter: str, precision: str) -> int:
    """Bytes on disk of the entry's weights and network."""
    if exporter in LINKED:
        return contents.bytes
    shape = shape_of(contents)
    layers = shape.layers if shape else 24
    return weights_bytes(contents, precision) + layers * _XML_PER_LAYER + _FIXED


def weights_bytes(contents: Contents, precision: str) -> int:
    shape = shape_of(contents)
    if shape is None or not shape.vocabulary or precision not in RECIPES:
        return int(contents.parameters * BYTES_PER_PARAMETER.get(precision, 2.0))
    ends = shape.embedding * (2 if shape.output_layer else 1)
    body = max(0, contents.parameters - ends)
    return int(ends * of_ends(precision, shape) + body * per_parameter(precision, shape))


def per_parameter(precision: str, shape: Shape) -> float:
    """Bytes of a weight between the embedding and the output layer, with its share of scale and zero point."""
    recipe = RECIPES[precision]
    if not recipe:
        return 2.0
    if recipe["bits"] == 8:
        return 1.0 + _ROW_OF_8 / shape.width
    group = recipe["group_size"] if recipe.get("group_size", -1) > 0 else shape.width
    scale = 1.0 if recipe.get("dtype") == "mxfp4" else 2.0
    zero_point = 0.0 if recipe.get("sym") or "dtype" in recipe else 0.5
    return 0.5 + (scale + zero_point) / group


def of_ends(precision: str, shape: Shape) -> float:
    """Bytes of a weight of the table of tokens and of the output layer."""
    return 1.0 + _ROW_OF_8 / shape.width if RECIPES[precision] else 2.0

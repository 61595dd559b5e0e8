"""Disk and memory that a conversion takes.

Follows what the exporters hold at each of their steps; the highest step is what is needed.
"""

from __future__ import annotations

from converters.contents import Contents
from converters.estimates.shape import shape_of
from converters.estimates.weights import LINKED, entry_bytes, weights_bytes
from converters.gguf import GgufArray, GgufHeader
from converters.precision import RECIPES

_MiB = 2**20
# Of a disk: what must be free besides, for tokenizers, logs and whoever else writes.
SPARE = 64 * _MiB
# Measured: the interpreter with PyTorch, transformers, optimum, NNCF and OpenVINO loaded.
_LIBRARIES = 420 * _MiB
# Measured: the network as a graph of objects in PyTorch's tracer, in OpenVINO and in NNCF, besides its weights.
_GRAPH_PER_LAYER = int(1.5 * _MiB)
# NNCF's copies in 32 bits of the block of weights that it is at.
_BLOCKS = 190 * _MiB
# Measured: the interpreter with PyTorch and transformers only, as it reads a GGUF file.
_READING = 340 * _MiB
# The texts that fidelity is measured on: positions in all, and in the longer of the two.
_POSITIONS, _LONGER = 434, 217
_OF_LARGE, _OF_GGUF = (128, 64), (192, 96)
_LARGE = 200_000_000  # parameters; fidelity holds smaller originals in 32 bits, and reads longer texts
# Exporters that write a network in 32 bits before they compress it.
_IN_32_BITS = frozenset({"openvino_speech", "openvino_vision"})
# Measured: what optimum holds as it writes the networks of a pipeline, whose weights are mapped.
_PIPELINE = 285 * _MiB
# Measured: libraries, tracer and half a minute of sound in a model that listens; optimum has its weights more than
# twice, in the number type that they are loaded in.
_LISTENING, _LISTENING_COPIES = 850 * _MiB, 2.65
# Measured: the same in a model that speaks, and bytes a parameter of copies in 16 bits, or of compressed weights.
_SPEAKING, _SPEAKING_HALVES, _SPEAKING_COMPRESSED = 520 * _MiB, 2.4, 0.63


def disk_of_conversion(contents: Contents, exporter: str, precision: str) -> int:
    """Bytes that must be free: what is written, and what lies beside it for a while."""
    if exporter in LINKED:
        return contents.bytes + SPARE
    compressed = bool(RECIPES.get(precision))
    between = 0
    if exporter == "openvino_gguf":
        between = 2 * contents.parameters  # the dequantized checkpoint
    elif exporter == "openvino_encoder":
        between = 4 * contents.parameters  # the network as optimum writes it
    elif exporter == "openvino_images":
        between = 2 * contents.parameters if compressed else 0  # the uncompressed networks
    elif exporter in _IN_32_BITS:
        between = 4 * contents.parameters if compressed else 0
    elif compressed and RECIPES[precision].get("quant_method"):
        between = contents.bytes  # the network that is looked at
    return between + entry_bytes(contents, exporter, precision) + SPARE


def memory_of_conversion(contents: Contents, exporter: str, precision: str) -> int:
    """Bytes at the highest point."""
    if exporter in LINKED:
        return 128 * _MiB  # where there is no more, a GGUF file is not measured
    if exporter == "openvino_speech":
        compressed = bool(RECIPES.get(precision))
        if contents.architecture.startswith("SpeechT5"):
            return _SPEAKING + int((_SPEAKING_COMPRESSED if compressed else _SPEAKING_HALVES) * contents.parameters)
        return _LISTENING + int(_LISTENING_COPIES * contents.parameters * (4 if compressed else 2))
    if exporter == "openvino_images":
        return _LIBRARIES + max(_PIPELINE, _of_compression(contents, precision))
    shape = shape_of(contents)
    layers = shape.layers if shape else 24
    vocabulary = (shape.vocabulary if shape else 0) or 128_000
    libraries = _LIBRARIES + layers * _GRAPH_PER_LAYER
    if exporter == "openvino_encoder":
        return libraries + max(_of_compression(contents, precision), _of_vectors(contents, precision))
    if exporter == "openvino_vision":
        return libraries + max(_of_compression(contents, precision), _of_halves(contents, precision))
    steps = [
        _of_export(contents, exporter, precision),
        _of_compression(contents, precision),
        _of_original(contents, exporter, vocabulary),
        _of_converted(contents, precision, vocabulary),
    ]
    return libraries + max(steps)


def memory_of_measuring(header: GgufHeader) -> int:
    """Bytes that the fidelity of a GGUF file as it is takes.

    The weights in 32 bits, what the unpacking of the largest tensor holds besides, and the scores of both texts.
    """
    largest = max((tensor.parameters for tensor in header.tensors), default=0)
    tokens = header.metadata.get("tokenizer.ggml.tokens")
    vocabulary = tokens.count if isinstance(tokens, GgufArray) else 128_000
    positions, longer = _OF_GGUF
    scores = 4 * vocabulary * (positions + 2 * longer)
    return _READING + 4 * header.parameters + 8 * largest + scores


def memory_of_loading(header: GgufHeader) -> int:
    """Bytes that llama.cpp takes at most to load a GGUF file: its weights, some kinds of which it lays out anew."""
    return sum(tensor.bytes for tensor in header.tensors) + 64 * _MiB


def _of_export(contents: Contents, exporter: str, precision: str) -> int:
    if exporter == "openvino_gguf":
        return 6 * contents.parameters  # the file's tensors in 32 bits, and the model in 16
    # Weights in safetensors are mapped and read once; a cast to 16 bits makes copies of them all, by way of 32 bits.
    if RECIPES.get(precision) or contents.number_type == "fp16":
        return 0
    shape = shape_of(contents)
    return 2 * contents.parameters + 4 * (shape.embedding if shape else 0)


def _of_compression(contents: Contents, precision: str) -> int:
    if not RECIPES.get(precision):
        return 0
    shape = shape_of(contents)
    # The largest weight is there twice when it becomes a part of the network.
    return weights_bytes(contents, precision) + _BLOCKS + (shape.embedding if shape else 0)


def _of_original(contents: Contents, exporter: str, vocabulary: int) -> int:
    mapped = contents.parameters > _LARGE and (exporter == "openvino_gguf" or contents.number_type in ("fp16", "bf16"))
    return (0 if mapped else 4 * contents.parameters) + 4 * _positions(contents)[0] * vocabulary


def _of_vectors(contents: Contents, precision: str) -> int:
    """An encoder that is compared in 32 bits, whose weights OpenVINO has twice while it lays them out."""
    return 2 * weights_bytes(contents, precision) if RECIPES.get(precision) else 8 * contents.parameters


def _of_halves(contents: Contents, precision: str) -> int:
    """A model that is loaded in 16 bits; what its pictures and texts take besides was measured."""
    return 0 if RECIPES.get(precision) else int(2.3 * contents.parameters) + 120 * _MiB


def _of_converted(contents: Contents, precision: str, vocabulary: int) -> int:
    """OpenVINO keeps weights in an order of its own; the scores of a text are there three times while compared."""
    shape = shape_of(contents)
    body = weights_bytes(contents, precision)
    if shape and shape.vocabulary:
        body -= int(shape.embedding * (1 if RECIPES.get(precision) else 2))  # looked up in the file itself
    positions, longer = _positions(contents)
    return body + 4 * vocabulary * (positions + 3 * longer)


def _positions(contents: Contents) -> tuple[int, int]:
    return _OF_LARGE if contents.parameters > _LARGE else (_POSITIONS, _LONGER)

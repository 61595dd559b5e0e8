"""Memory that serving an entry takes at a context and a concurrency: weights, cache and engine.

Knows what the engines keep; does not know how many models one service has.
"""

from __future__ import annotations

from dataclasses import dataclass

from converters.contents import Contents
from converters.estimates.shape import Shape, shape_of
from converters.estimates.weights import LINKED, weights_bytes
from converters.precision import RECIPES, arithmetic

_MiB = 2**20
# Measured: a process with OpenVINO GenAI and a model's network, without weights; and one with llama.cpp's server.
ENGINE = 52 * _MiB
_LLAMACPP = 16 * _MiB
# Measured: Triton, its Python backend's process and the gateway, beside the process that has the model.
SERVICE = 550 * _MiB
# Tokens of a step, the backends' own setting.
_STEP = 256
_BLOCK = 32  # tokens for which OpenVINO takes cache at a time
# An 8-bit cache has a scale and a zero point in 32 bits for each head and token.
_SCALES_OF_8 = 8
# Of the bytes of weights in 4 bits: what laying them out anew leaves in the heap. Measured as a quarter on a processor
# with AVX2 alone; on the AVX-512 machine that the other figures are from it was too little for a term. Between the two.
_LEFT_OF_4 = 0.1


@dataclass(frozen=True)
class Serving:
    """Bytes. `cache` is that of `concurrency` sequences, each as long as `context`."""

    context: int
    concurrency: int
    weights: int
    cache: int
    engine: int

    @property
    def memory(self) -> int:
        return self.weights + self.cache + self.engine + SERVICE


def serving(contents: Contents, exporter: str, precision: str, *, context: int, concurrency: int) -> Serving:
    """What a service takes that has this one model."""
    shape = shape_of(contents)
    return Serving(
        context,
        concurrency,
        weights=_weights(contents, exporter, precision, shape),
        cache=concurrency * _of_sequence(contents, exporter, precision, shape, context),
        engine=(_LLAMACPP if exporter == "llamacpp" else ENGINE) + (_activations(shape) if shape else 64 * _MiB),
    )


def longest_context(contents: Contents, exporter: str, precision: str, *, concurrency: int, memory: int) -> int:
    """Tokens of context for which the memory is enough; 0 when not even the weights fit."""
    shape = shape_of(contents)
    alone = serving(contents, exporter, precision, context=0, concurrency=concurrency).memory
    if shape is None or alone >= memory:
        return 0
    each = cache_of_token(contents, exporter, precision, shape) * concurrency
    return (memory - alone) // each // _BLOCK * _BLOCK if each else 2**30


def cache_of_token(contents: Contents, exporter: str, precision: str, shape: Shape) -> int:
    """Bytes of keys and values of one token, in all layers."""
    numbers = 2 * shape.cached_layers * shape.kv_heads
    if exporter == "llamacpp":
        return numbers * shape.head_size * 2
    exact = arithmetic(contents.parameters, "CPU").get("KV_CACHE_PRECISION") == "f32"
    if exact:
        return numbers * shape.head_size * 4
    # Networks that we export say themselves that their cache shall have 16 bits; the device's default is 8.
    if exporter == "openvino_ready":
        return numbers * (shape.head_size + _SCALES_OF_8)
    return numbers * shape.head_size * 2


def _of_sequence(contents: Contents, exporter: str, precision: str, shape: Shape | None, context: int) -> int:
    if shape is None:
        return 0
    # llama.cpp takes the whole cache at the start; OpenVINO in blocks, as the sequences grow.
    tokens = context if exporter == "llamacpp" else -(-context // _BLOCK) * _BLOCK
    return tokens * cache_of_token(contents, exporter, precision, shape)


def _weights(contents: Contents, exporter: str, precision: str, shape: Shape | None) -> int:
    if exporter in LINKED and exporter != "openvino_ready":
        return contents.bytes
    whole = contents.bytes if exporter == "openvino_ready" else weights_bytes(contents, precision)
    if RECIPES.get(precision, {}).get("bits") == 4:
        whole += int(_LEFT_OF_4 * whole)
    if shape is None or not shape.vocabulary or not shape.output_layer:
        return whole
    # Laid out anew by the CPU; the table of tokens is looked up in the file.
    return whole - int(shape.embedding * (1 if RECIPES.get(precision) else 2))


def _activations(shape: Shape) -> int:
    return 4 * _STEP * (3 * max(shape.inner, shape.expert_inner) + 4 * shape.width)

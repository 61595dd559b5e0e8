"""The engine arguments that fit a checkpoint into given GPUs: number type, cards to share it, and length of context.

Arithmetic on configurations and sizes only; the names are those of vLLM's AsyncEngineArgs. Loads nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from converters.contents import Contents
from converters.source import Checkpoint
from modelyard.card import FEATURE_EXTRACTION, IMAGE_TEXT_TO_TEXT
from modelyard.errors import BadCheckpoint, GpuMissing, GpuTooSmall
from modelyard.gpus import Gpu

# The share of a card that vLLM may take for weights, cache and its own needs; the rest is the driver's.
MEMORY_SHARE = 0.9
# What vLLM takes of each card besides weights and cache: CUDA itself, its graphs, and a step's activations.
_RESERVED = 2 * 2**30
_BLOCK = 16  # tokens; vLLM hands out the cache in blocks of this size
_SHORTEST = 2048  # tokens; a context below it is of little use, so we refuse rather than make it
_IMAGES = 8  # per prompt
_ADAPTERS_AT_ONCE = 4  # in one batch; the others are swapped in when a request names them
# The ranks that vLLM makes room for (LoRAConfig.max_lora_rank).
_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)

_OLDEST = (7, 0)  # compute capability that vLLM runs on at all
_BFLOAT16 = (8, 0)
# Of weights that are quantized already (quant_method in config.json): the compute capability that their kernels need,
# as get_min_capability of vLLM 0.24's quantization layers says.
_QUANTIZATIONS: dict[str, tuple[int, int]] = {
    "awq": (7, 5),
    "gptq": (7, 0),
    "bitsandbytes": (7, 0),
    "compressed-tensors": (7, 0),
    "fp8": (7, 5),
    "fbgemm_fp8": (8, 0),
    "modelopt": (8, 9),
    "mxfp4": (8, 0),
    "quark": (7, 0),
    "torchao": (7, 5),
    "auto-round": (7, 0),
    "intel/auto-round": (7, 0),
}
# Their activations leave the range of float16; vLLM refuses it for them (_FLOAT16_NOT_SUPPORTED_MODELS).
_NOT_IN_FLOAT16 = frozenset({"gemma2", "gemma3", "gemma3_text", "plamo2", "glm4"})
_BYTES = {"bfloat16": 2, "float16": 2, "float32": 4}

_SIZES = (8, 12, 16, 24, 32, 40, 48, 80, 96, 141, 192)  # GB; cards that exist
_COUNTS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Adapters:
    """LoRA adapters together: how many, the highest rank, and their bytes."""

    count: int = 0
    rank: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Shape:
    """What decides how a language model is shared out. `cache` is bytes per token in 16 bits, all heads together."""

    heads: int
    key_value_heads: int
    cache: int
    shared_cache: bool  # every card holds the whole of it, as with multi-head latent attention
    vision_heads: int = 0

    def cards(self, at_most: int) -> list[int]:
        """The numbers of cards that the heads can be divided by, smallest first."""
        return [count for count in range(1, at_most + 1) if self._divides(count)]

    def cache_on(self, cards: int) -> int:
        if self.shared_cache or not self.key_value_heads:
            return self.cache
        # Fewer heads than cards: each card holds a copy of one.
        return self.cache * max(1, self.key_value_heads // cards) // self.key_value_heads

    def _divides(self, cards: int) -> bool:
        if cards == 1:
            return True
        shared_out = self.key_value_heads % cards == 0 or (self.key_value_heads and cards % self.key_value_heads == 0)
        return bool(self.heads and self.heads % cards == 0 and shared_out and self.vision_heads % cards == 0)


@dataclass(frozen=True)
class _Fit:
    cards: int
    context: int  # tokens


def engine_arguments(
    checkpoint: Checkpoint,
    contents: Contents,
    task: str,
    *,
    gpus: Sequence[Gpu],
    context_length: int | None = None,
    trust_remote_code: bool = False,
    adapters: Adapters | None = None,
) -> dict[str, Any]:
    """Everything that model.json says except for paths. A `context_length` below the checkpoint's own is a wish.

    Raises GpuMissing, GpuTooSmall, BadCheckpoint.
    """
    if not gpus:
        raise GpuMissing("triton-vllm")
    adapters = adapters or Adapters()
    _check_quantization(contents.quantization, gpus)
    dtype = number_type(contents, checkpoint.config, gpus)
    fit = _fit(checkpoint, contents, dtype, adapters, gpus, context_length)

    arguments: dict[str, Any] = {
        "dtype": dtype,
        "max_model_len": fit.context,
        "tensor_parallel_size": fit.cards,
        "gpu_memory_utilization": MEMORY_SHARE,
        "disable_log_stats": False,
    }
    if task == FEATURE_EXTRACTION:
        arguments["runner"] = "pooling"
    else:
        arguments["enable_prefix_caching"] = True
    if task == IMAGE_TEXT_TO_TEXT:
        # The tensors carry images and nothing else; vLLM keeps memory for each kind that is not ruled out.
        arguments["limit_mm_per_prompt"] = {"image": _IMAGES, "video": 0, "audio": 0}
    if adapters.count:
        arguments["enable_lora"] = True
        arguments["max_loras"] = min(adapters.count, _ADAPTERS_AT_ONCE)
        arguments["max_lora_rank"] = _rank(adapters.rank)
    if trust_remote_code:
        arguments["trust_remote_code"] = True
    return arguments


def number_type(contents: Contents, config: Mapping[str, Any], gpus: Sequence[Gpu]) -> str:
    """The type to compute in: the checkpoint's own where the cards have it; 32 bits are never worth their memory."""
    has_bfloat16 = min(gpu.compute_capability for gpu in gpus) >= _BFLOAT16
    kinds = {config.get("model_type"), contents.figures.get("model_type")}
    if kinds & _NOT_IN_FLOAT16:
        return "bfloat16" if has_bfloat16 else "float32"
    return "bfloat16" if contents.number_type == "bf16" and has_bfloat16 else "float16"


def shape_of(figures: Mapping[str, Any], config: Mapping[str, Any]) -> Shape:
    """From a configuration's own words, in the spellings that architectures have for them."""
    layers = _figure(figures, "num_hidden_layers", "n_layer", "num_layers", "n_layers")
    heads = _figure(figures, "num_attention_heads", "n_head", "num_heads", "n_heads")
    hidden = _figure(figures, "hidden_size", "n_embd", "d_model")
    vision = config.get("vision_config")
    vision_heads = _figure(vision, "num_heads", "num_attention_heads") if isinstance(vision, dict) else 0
    if latent := _figure(figures, "kv_lora_rank"):
        per_layer = latent + _figure(figures, "qk_rope_head_dim")
        return Shape(heads, heads, 2 * layers * per_layer, shared_cache=True, vision_heads=vision_heads)
    key_value_heads = _figure(figures, "num_key_value_heads", "num_kv_heads") or (
        1 if figures.get("multi_query") is True else heads
    )
    width = _figure(figures, "head_dim") or (hidden // heads if heads else 0)
    return Shape(
        heads, key_value_heads, 2 * 2 * layers * key_value_heads * width, shared_cache=False, vision_heads=vision_heads
    )


def _figure(figures: Mapping[str, Any], *names: str) -> int:
    for name in names:
        value = figures.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return 0


def _fit(
    checkpoint: Checkpoint,
    contents: Contents,
    dtype: str,
    adapters: Adapters,
    gpus: Sequence[Gpu],
    wished: int | None,
) -> _Fit:
    """The fewest cards that hold the whole context; else those that hold most of it."""
    quantized = contents.quantization is not None
    weights = (contents.bytes if quantized else contents.parameters * _BYTES[dtype]) + adapters.bytes
    shape = shape_of(contents.figures, checkpoint.config)
    own = contents.context_length or _SHORTEST
    wanted = min(wished or own, own)
    # What was asked for is given or refused; the checkpoint's own length is only the most that there can be.
    least = wanted if wished is not None and wished < own else min(wanted, _SHORTEST)

    def on(cards: int, memory: int) -> _Fit:
        left = memory * MEMORY_SHARE - _RESERVED - weights / cards
        cache = shape.cache_on(cards) * _BYTES[dtype] // 2
        room = wanted if left >= 0 and not cache else int(left // cache) if left > 0 else 0
        return _Fit(cards, wanted if room >= wanted else room // _BLOCK * _BLOCK)

    smallest = min(gpus, key=lambda gpu: gpu.memory)
    fits = [on(cards, smallest.memory) for cards in shape.cards(len(gpus))]
    whole = [fit for fit in fits if fit.context >= wanted]
    best = whole[0] if whole else max(fits, key=lambda fit: fit.context)
    if best.context >= least and best.context > 0:
        return best

    others = [
        f"{'' if cards == 1 else f'{cards}x'}{size}GB"
        for cards in (count for count in _COUNTS if count in shape.cards(max(_COUNTS)))
        for size in _SIZES
        if on(cards, size * 10**9).context >= max(least, 1)
    ]
    raise GpuTooSmall(
        f"{len(gpus)} x {smallest.name} ({smallest.memory / 10**9:.0f} GB) cannot hold "
        f"{weights / 10**9:.1f} GB of weights and a context of {least:,} tokens",
        hint=_what_would_fit(others, contents, shorter=least > _SHORTEST),
    )


def _what_would_fit(others: Sequence[str], contents: Contents, *, shorter: bool) -> str:
    smallest: dict[str, str] = {}
    for cards in others:  # sizes come in rising order: the first of each number of cards is enough
        smallest.setdefault(cards.partition("x")[0] if "x" in cards else "1", cards)
    words = [f"these would do: {', '.join(smallest.values())}"] if smallest else []
    if shorter:
        words.append("a shorter context takes less")
    if contents.quantization is None:
        words.append(
            f"so would a 4-bit (AWQ or GPTQ) checkpoint of it, of about {contents.parameters * 0.6 / 1e9:.1f} GB"
        )
    return "; ".join([*words, "or choose --target triton-openvino"])


def _check_quantization(method: str | None, gpus: Sequence[Gpu]) -> None:
    oldest = min(gpu.compute_capability for gpu in gpus)
    if oldest < _OLDEST:
        raise GpuTooSmall(
            f"{gpus[0].name} has compute capability {_in_words(oldest)}; vLLM needs {_in_words(_OLDEST)}",
            hint="choose --target triton-openvino",
        )
    if method is None:
        return
    if method not in _QUANTIZATIONS:
        raise BadCheckpoint(
            f"vLLM does not read weights that are quantized by '{method}'",
            hint=f"it reads {', '.join(sorted(_QUANTIZATIONS))}, and 16-bit weights",
        )
    if oldest < _QUANTIZATIONS[method]:
        raise GpuTooSmall(
            f"weights quantized by '{method}' need compute capability {_in_words(_QUANTIZATIONS[method])}; "
            f"{gpus[0].name} has {_in_words(oldest)}",
            hint="choose a checkpoint that is quantized by gptq, or the original one",
        )


def _rank(highest: int) -> int:
    for rank in _RANKS:
        if rank >= highest:
            return rank
    raise BadCheckpoint(f"a LoRA adapter has rank {highest}; vLLM takes at most {_RANKS[-1]}")


def _in_words(capability: tuple[int, int]) -> str:
    return f"{capability[0]}.{capability[1]}"

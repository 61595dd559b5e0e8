"""Tiny GGUF files with random weights, laid out as llama.cpp's own converter lays out real ones.

The tokenizer is byte-level BPE with a chat template and a BOS token. Knows how a GGUF file is made; does not know how
one is read or served.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

CONTEXT = 512
BOS, EOS, TURN, END_OF_TURN = "<s>", "</s>", "<|im_start|>", "<|im_end|>"
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_SENTENCE = "hello world the quick brown fox jumps over a lazy dog and then some more words come after that"
_LAYERS, _HEADS, _KV_HEADS = 2, 4, 2
_CONVOLVED, _STATES, _RANK = 4, 16, 4  # of mamba: tokens that a convolution sees, states, rank of the time step
_NORMAL, _CONTROL = 1, 3  # llama.cpp's kinds of tokens

# The kinds of tensors that a file of a mixed quantization holds: most of them, and the last one.
_MIXED = {
    "Q2_K": ("Q2_K", "Q6_K"),
    "Q3_K_M": ("Q3_K", "Q6_K"),
    "Q4_K_S": ("Q4_K", "Q6_K"),
    "Q4_K_M": ("Q4_K", "Q6_K"),
    "Q5_K_M": ("Q5_K", "Q6_K"),
    "Q6_K": ("Q6_K", "Q6_K"),
}
# Where a block of 256 weights keeps its 16-bit scales.
_SCALES = {"Q2_K": (80, 82), "Q3_K": (108,), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,)}


def write_gguf(
    path: Path,
    quantization: str = "Q8_0",
    architecture: str = "llama",
    *,
    context: int = CONTEXT,
    seed: int = 7,
    width: int | None = None,
    inner: int | None = None,
    layers: int = _LAYERS,
    metadata: Mapping[str, str | bool | int | float] | None = None,
) -> Path:
    """A causal language model, llama, qwen2 or mamba, in F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 or a K-quant.

    The weights are drawn wide, so that the likeliest next token stands clear of the second; those of a K-quant are
    random blocks, since nothing in Python makes such blocks of given weights. `metadata` are more keys.
    """
    import gguf

    width = width or (256 if quantization in _MIXED else 64)
    inner = inner or 2 * width
    most, last = _MIXED.get(quantization, (quantization, quantization))
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_name("Tiny")
    writer.add_size_label("0.1M")
    writer.add_license("apache-2.0")
    floats = "ALL_F32" if quantization == "F32" else f"MOSTLY_{quantization}"
    writer.add_file_type(gguf.LlamaFileType[floats])
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_layer_norm_rms_eps(1e-6)
    if architecture == "mamba":
        _add_state_space(writer, width)
    else:
        writer.add_feed_forward_length(inner)
        writer.add_head_count(_HEADS)
        writer.add_head_count_kv(_KV_HEADS)
        writer.add_rope_freq_base(10000.0)
    if architecture == "llama":
        writer.add_rope_dimension_count(width // _HEADS)
    vocabulary = _add_tokenizer(writer)
    for key, value in (metadata or {}).items():
        _add(writer, key, value)
    random = np.random.default_rng(seed)
    if architecture == "mamba":
        shapes = _state_space_shapes(vocabulary, width, layers)
    else:
        shapes = _shapes(vocabulary, width, inner, layers, biases=architecture == "qwen2")
    for name, shape in shapes.items():
        if name.endswith("ssm_a"):  # how fast each state is forgotten: below zero
            writer.add_tensor(name, -random.uniform(0.5, 4, shape).astype(np.float32))
            continue
        if "ssm_conv1d" in name:  # 32-bit in every file
            writer.add_tensor(name, random.normal(0, 0.4, shape).astype(np.float32))
            continue
        if len(shape) == 1:
            tensor = np.ones(shape, np.float32) if "norm" in name else random.normal(0, 0.1, shape).astype(np.float32)
            writer.add_tensor(name, tensor)
            continue
        kind = gguf.GGMLQuantizationType[last if name == "output.weight" else most]
        if kind.name in _SCALES:
            data = _random_blocks(random, kind, shape)
        else:
            data = gguf.quants.quantize(random.normal(0, 0.4, shape).astype(np.float32), kind)
        writer.add_tensor(name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def write_adapter(path: Path, *, seed: int = 3, scale: float = 1.0) -> Path:
    """A LoRA adapter for a llama model of this module: it changes every answer."""
    import gguf

    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, 4.0)
    random = np.random.default_rng(seed)
    for block in range(_LAYERS):
        name = f"blk.{block}.attn_output.weight"
        writer.add_tensor(f"{name}.lora_a", random.normal(0, scale, (4, 64)).astype(np.float32))
        writer.add_tensor(f"{name}.lora_b", random.normal(0, scale, (64, 4)).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _shapes(vocabulary: int, width: int, inner: int, layers: int, *, biases: bool) -> dict[str, tuple[int, ...]]:
    """Tensors as numpy sees them: rows first. GGUF writes the row's length first."""
    kv = width // _HEADS * _KV_HEADS
    shapes: dict[str, tuple[int, ...]] = {"token_embd.weight": (vocabulary, width)}
    for block in range(layers):
        parts = {
            "attn_norm": (width,),
            "attn_q": (width, width),
            "attn_k": (kv, width),
            "attn_v": (kv, width),
            "attn_output": (width, width),
            "ffn_norm": (width,),
            "ffn_gate": (inner, width),
            "ffn_up": (inner, width),
            "ffn_down": (width, inner),
        }
        shapes |= {f"blk.{block}.{part}.weight": shape for part, shape in parts.items()}
        if biases:
            shapes |= {f"blk.{block}.{part}.bias": parts[part][:1] for part in ("attn_q", "attn_k", "attn_v")}
    return shapes | {"output_norm.weight": (width,), "output.weight": (vocabulary, width)}


def _add_state_space(writer: Any, width: int) -> None:
    writer.add_feed_forward_length(0)
    writer.add_head_count(0)
    writer.add_ssm_conv_kernel(_CONVOLVED)
    writer.add_ssm_inner_size(2 * width)
    writer.add_ssm_state_size(_STATES)
    writer.add_ssm_time_step_rank(_RANK)


def _state_space_shapes(vocabulary: int, width: int, layers: int) -> dict[str, tuple[int, ...]]:
    inner = 2 * width
    shapes: dict[str, tuple[int, ...]] = {"token_embd.weight": (vocabulary, width)}
    for block in range(layers):
        parts = {
            "attn_norm.weight": (width,),
            "ssm_in.weight": (2 * inner, width),
            "ssm_conv1d.weight": (inner, _CONVOLVED),
            "ssm_conv1d.bias": (inner,),
            "ssm_x.weight": (_RANK + 2 * _STATES, inner),
            "ssm_dt.weight": (inner, _RANK),
            "ssm_dt.bias": (inner,),
            "ssm_a": (inner, _STATES),
            "ssm_d": (inner,),
            "ssm_out.weight": (width, inner),
        }
        shapes |= {f"blk.{block}.{part}": shape for part, shape in parts.items()}
    return shapes | {"output_norm.weight": (width,), "output.weight": (vocabulary, width)}


def _random_blocks(random: np.random.Generator, kind: Any, shape: tuple[int, ...]) -> Any:
    import gguf

    length, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (*shape[:-1], shape[-1] // length, size), np.uint8)
    for place in _SCALES[kind.name]:
        scale = np.array([0.002], np.float16).view(np.uint8)
        blocks[..., place : place + 2] = scale
    return blocks.reshape(*shape[:-1], -1)


def _add(writer: Any, key: str, value: str | bool | int | float) -> None:
    kinds = {bool: writer.add_bool, str: writer.add_string, int: writer.add_uint32, float: writer.add_float32}
    kinds[type(value)](key, value)


def _add_tokenizer(writer: Any) -> int:
    """The tokenizer's metadata; the size of its vocabulary."""
    tokens, merges = _vocabulary()
    special = [BOS, EOS, TURN, END_OF_TURN]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([_CONTROL if token in special else _NORMAL for token in tokens])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(tokens.index(BOS))
    writer.add_eos_token_id(tokens.index(EOS))
    writer.add_eot_token_id(tokens.index(END_OF_TURN))
    writer.add_pad_token_id(tokens.index(EOS))
    writer.add_add_bos_token(True)
    writer.add_chat_template(TEMPLATE)
    return len(tokens)


@functools.cache
def _vocabulary() -> tuple[list[str], list[str]]:
    import json

    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=[BOS, EOS, TURN, END_OF_TURN],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator([_SENTENCE] * 3, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    return sorted(model["vocab"], key=model["vocab"].get), merges

"""Checkpoints of real models' sizes with random weights in bfloat16: what a conversion costs does not depend on values.

Knows configurations; does not know what is done with a checkpoint.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.converters.checkpoints import write_tokenizer
from tests.converters.gguf_files import write_gguf

# The configuration of DeepSeek-R1-Distill-Qwen-1.5B, 1.78 B parameters, and of Qwen2.5-0.5B with an output layer of
# its own, 0.63 B.
SIZES: dict[str, dict[str, Any]] = {
    "1.8B": {"hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12},
    "0.6B": {"hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24, "num_attention_heads": 14},
}
_QWEN2 = {
    "vocab_size": 151936,
    "num_key_value_heads": 2,
    "max_position_embeddings": 131072,
    "rms_norm_eps": 1e-6,
    "tie_word_embeddings": False,
    "bos_token_id": None,
    "eos_token_id": 2,
    "pad_token_id": 0,
}


def large_checkpoint(cache: Path, size: str) -> Path:
    """The checkpoint of a size, made when it is not in the cache folder yet."""
    folder = cache / f"qwen2-{size}"
    if not folder.exists():
        beside = cache / f"qwen2-{size}.part"
        shutil.rmtree(beside, ignore_errors=True)
        write_random(beside, SIZES[size])
        beside.rename(folder)
    return folder


def large_gguf(cache: Path, size: str, quantization: str) -> Path:
    """A GGUF file of about the same size, made when it is not in the cache folder yet."""
    file = cache / f"llama-{size}-{quantization}.gguf"
    if not file.exists():
        figures = SIZES[size]
        beside = file.with_suffix(".part")
        layers = figures["num_hidden_layers"]
        width = -(-figures["hidden_size"] // 256) * 256  # K-quants are made of blocks of 256
        write_gguf(beside, quantization, width=width, layers=layers, inner=figures["intermediate_size"] // 256 * 256)
        beside.rename(file)
    return file


def write_random(folder: Path, figures: Mapping[str, Any]) -> int:
    """A Qwen2 checkpoint in one safetensors file; the number of its parameters."""
    import torch
    from safetensors.torch import save_file
    from transformers import AutoConfig, AutoModelForCausalLM

    folder.mkdir(parents=True)
    write_tokenizer(folder)
    config = AutoConfig.for_model("qwen2", **(_QWEN2 | dict(figures)))
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    random = torch.Generator().manual_seed(7)
    weights = {
        name: torch.ones(shape, dtype=torch.bfloat16)
        if "norm" in name
        else torch.empty(shape, dtype=torch.bfloat16).normal_(0, 0.02, generator=random)
        for name, shape in ((name, weight.shape) for name, weight in model.named_parameters())
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    content = config.to_dict() | {"architectures": ["Qwen2ForCausalLM"], "dtype": "bfloat16"}
    (folder / "config.json").write_text(json.dumps(content, indent=2, default=str))
    return sum(weight.numel() for weight in weights.values())

"""Tiny checkpoints with random weights, saved as transformers saves real ones.

Knows how a checkpoint is made; does not know how one is converted.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TEXT = [
    "The harbour was quiet before dawn, and the first boats had not come in yet.",
    "A model repository holds one folder per model; a server reads it and answers requests.",
    "def add(a, b):\n    return a + b",
    "Übung macht den Meister, and practice makes perfect: 1, 2, 3.",
]
# What a family needs besides the common figures. Hybrid models (lfm2) and mixtures of experts are among them.
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {},
    "mistral": {},
    "mixtral": {"num_local_experts": 4, "num_experts_per_tok": 2},
    "qwen2": {},
    "qwen2_moe": {
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 64,
        "shared_expert_intermediate_size": 64,
        "decoder_sparse_step": 1,
    },
    "qwen3": {"head_dim": 16},
    "qwen3_moe": {
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 64,
        "head_dim": 16,
        "decoder_sparse_step": 1,
    },
    "phi3": {"original_max_position_embeddings": 512},
    "gemma": {"head_dim": 16},
    "gemma2": {"head_dim": 16, "query_pre_attn_scalar": 16},
    "gemma3_text": {"head_dim": 16, "query_pre_attn_scalar": 16, "sliding_window": 64},
    "granite": {},
    "granitemoe": {"num_local_experts": 4, "num_experts_per_tok": 2},
    "gpt2": {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 512},
    "gpt_neox": {},
    "gpt_oss": {"num_local_experts": 4, "num_experts_per_tok": 2, "head_dim": 16},
    "falcon": {},
    "stablelm": {},
    "starcoder2": {},
    "olmo2": {},
    "smollm3": {},
    "cohere": {},
    "glm4": {"head_dim": 16},
    "opt": {"word_embed_proj_dim": 64, "ffn_dim": 160},
    "lfm2": {},
}


def write_tokenizer(folder: Path) -> int:
    """A byte-level BPE tokenizer of a few hundred tokens with a chat template; returns the size of its vocabulary."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)
    return len(fast)


def write_checkpoint(folder: Path, family: str = "qwen2", *, shard_size: str = "5GB", **changes: Any) -> Path:
    """A causal language model of a few hundred thousand random parameters, with its tokenizer."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = write_tokenizer(folder)
    torch.manual_seed(7)
    figures: dict[str, Any] = {
        "vocab_size": vocabulary,
        "hidden_size": 64,
        "intermediate_size": 160,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "initializer_range": 0.4,  # wide, so that the likeliest token stands clear of the second
        "tie_word_embeddings": False,
        "bos_token_id": None,
        "eos_token_id": 2,
        "pad_token_id": 0,
    }
    config = AutoConfig.for_model(family, **(figures | changes))
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.half())  # so that 16 bits lose nothing
    model.generation_config = GenerationConfig(eos_token_id=[2, 0], pad_token_id=0, do_sample=True, temperature=0.7)
    model.save_pretrained(folder, max_shard_size=shard_size)
    return folder


def write_adapter(folder: Path, base: Path, *, seed: int, alpha: int, rank_stabilized: bool = False) -> Path:
    """A LoRA adapter of rank 4 with random weights for a checkpoint, as PEFT saves one."""
    import torch
    from safetensors.torch import load_file, save_file

    folder.mkdir(parents=True)
    torch.manual_seed(seed)
    modules = ("q_proj", "v_proj", "down_proj")
    matrices = {}
    for name, weight in load_file(base / "model.safetensors").items():
        layer = name.removesuffix(".weight")
        if layer.endswith(modules) and weight.ndim == 2:
            rows, columns = weight.shape
            matrices[f"base_model.model.{layer}.lora_A.weight"] = torch.randn(4, columns) * 0.15
            matrices[f"base_model.model.{layer}.lora_B.weight"] = torch.randn(rows, 4) * 0.15
    save_file(matrices, folder / "adapter_model.safetensors")
    config = {
        "peft_type": "LORA",
        "r": 4,
        "lora_alpha": alpha,
        "target_modules": modules,
        "use_rslora": rank_stabilized,
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def edit_json(path: Path, **changes: Any) -> None:
    """Set keys of a JSON file; a key set to None is removed."""
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))

"""What the original of a checkpoint answers, in PyTorch."""

from __future__ import annotations

from pathlib import Path


def greedy_text(folder: Path, prompt: str, tokens: int) -> str:
    """The text of the likeliest tokens, one after the other, ends ignored."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False)["input_ids"]
    with torch.inference_mode():
        for _ in range(tokens):
            ids = torch.cat([ids, model(ids, use_cache=False).logits[:, -1:].argmax(-1)], dim=1)
    return str(tokenizer.decode(ids[0, -tokens:], skip_special_tokens=True))


def merged(base: Path, adapter: Path, folder: Path) -> Path:
    """The checkpoint with a LoRA adapter added to its weights, by the formula of the paper."""
    import shutil

    from safetensors.torch import load_file, save_file

    from converters.adapters import read_adapter

    shutil.copytree(base, folder)
    weights, scale = load_file(base / "model.safetensors"), read_adapter(adapter).scale
    matrices = load_file(adapter / "adapter_model.safetensors")
    for name in matrices:
        if name.endswith(".lora_A.weight"):
            layer = name.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
            change = matrices[name.replace("lora_A", "lora_B")] @ matrices[name]
            weights[f"{layer}.weight"] = weights[f"{layer}.weight"] + scale * change
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder

"""Write the trained model as a Hugging Face folder that old and new transformers can load.

Run as a script it writes an existing checkpoint folder again, for example after a change of the
chat template: ``python demo/training/export.py demo/checkpoint``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer  # type: ignore[import-untyped]
from transformers import AutoModelForCausalLM, GenerationConfig, Qwen2ForCausalLM

from tokenizer import END, PAD, ROLES, wrap


def _edit(path: Path, **values: object) -> None:
    config: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    config.update(values)
    config = {key: value for key, value in config.items() if value is not ...}
    path.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def save(model: Any, tokenizer: Tokenizer, folder: Path) -> None:
    """Write the folder that ``from_pretrained`` reads, weights in bfloat16."""
    folder.mkdir(parents=True, exist_ok=True)
    half = Qwen2ForCausalLM(model.config).to(torch.bfloat16)
    half.load_state_dict({name: value.to(torch.bfloat16) for name, value in model.state_dict().items()})
    half.tie_weights()
    end, pad = tokenizer.token_to_id(END), tokenizer.token_to_id(PAD)
    half.generation_config = GenerationConfig(
        do_sample=False, eos_token_id=end, pad_token_id=pad, max_new_tokens=512
    )
    half.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)
    fast = wrap(tokenizer)
    fast.save_pretrained(folder)
    special = {"eos_token": END, "pad_token": PAD, "additional_special_tokens": list(ROLES)}
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2) + "\n", encoding="utf-8")
    # transformers 5 renamed some keys; the names of version 4 are understood by both versions
    # and by other runtimes, and a list in extra_special_tokens breaks version 4.
    _edit(
        folder / "tokenizer_config.json",
        tokenizer_class="PreTrainedTokenizerFast",
        additional_special_tokens=list(ROLES),
        chat_template=fast.chat_template,
        model_input_names=["input_ids", "attention_mask"],
        extra_special_tokens=...,
        backend=...,
        is_local=...,
    )
    _edit(folder / "config.json", rope_theta=model.config.rope_parameters["rope_theta"])


def main() -> None:
    """Write a checkpoint folder again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="checkpoint folder")
    parser.add_argument("--output", type=Path, help="folder to write; the same one if not given")
    args = parser.parse_args()
    model = AutoModelForCausalLM.from_pretrained(args.folder)
    tokenizer = Tokenizer.from_file(str(args.folder / "tokenizer.json"))
    save(model, tokenizer, args.output or args.folder)


if __name__ == "__main__":
    main()

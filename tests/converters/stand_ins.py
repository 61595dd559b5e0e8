"""Checkpoints of any size that take no room: true configurations and headers, and holes where the weights would be."""

from __future__ import annotations

import json
from pathlib import Path

from converters.gguf import read_header

_LLAMA_2_7B = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
    "vocab_size": 32000,
    "max_position_embeddings": 4096,
    "tie_word_embeddings": False,
    "dtype": "float16",
}


def write_stand_in(folder: Path) -> Path:
    """A model of 6.7 billion parameters in 16 bits, in two files."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(_LLAMA_2_7B))
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"type": "BPE"}}))
    width, inner, vocabulary = 4096, 11008, 32000
    tensors = {"model.embed_tokens.weight": (vocabulary, width), "lm_head.weight": (vocabulary, width)}
    for layer in range(32):
        for part, shape in {
            **{f"self_attn.{name}_proj": (width, width) for name in "qkvo"},
            "mlp.gate_proj": (inner, width),
            "mlp.up_proj": (inner, width),
            "mlp.down_proj": (width, inner),
        }.items():
            tensors[f"model.layers.{layer}.{part}.weight"] = shape
    names = sorted(tensors)
    shards = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for file, held in shards.items():
        _write(folder / file, {name: tensors[name] for name in held})
    index = {"weight_map": {name: file for file, held in shards.items() for name in held}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def write_gguf_stand_in(file: Path, place: Path) -> Path:
    """The header of a GGUF file, and holes for its weights."""
    with file.open("rb") as source, place.open("wb") as out:
        out.write(source.read(min(tensor.offset for tensor in read_header(file).tensors)))
        out.truncate(file.stat().st_size)
    return place


def _write(file: Path, tensors: dict[str, tuple[int, int]]) -> None:
    header, offset = {}, 0
    for name, (rows, columns) in tensors.items():
        end = offset + 2 * rows * columns
        header[name] = {"dtype": "F16", "shape": [rows, columns], "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    with file.open("wb") as out:
        out.write(len(text).to_bytes(8, "little") + text)
        out.truncate(8 + len(text) + offset)

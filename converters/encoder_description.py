"""`encoder.json`: what the encoder backends must know besides network and tokenizer, read from a checkpoint's files.

Follows sentence-transformers (modules.json and the folders that it names, config_sentence_transformers.json,
sentence_bert_config.json) and, for scores, config.json. Refuses by name what the backends cannot do. Knows files; does
not know networks. The backends' own account of the file is in backends/common/encoders/description.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converters.source import Checkpoint
from modelyard.card import FEATURE_EXTRACTION, TEXT_RANKING
from modelyard.errors import BadCheckpoint

FILE = "encoder.json"
_NO_LIMIT = 1_000_000  # transformers writes 1e30 where a tokenizer has none
_DEFAULT_TOKENS = 512  # where no file says how many; what encoders have as a rule
# Their table of positions begins behind the padding token's own place.
_POSITIONS_BEHIND_PADDING = frozenset(
    {"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet", "data2vec-text", "ibert", "longformer", "esm"}
)
_POOLINGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_ACTIVATIONS = {"Identity": "identity", "Sigmoid": "sigmoid", "Softmax": "softmax", "Tanh": "tanh", "ReLU": "relu"}
_DOCUMENT_PROMPTS = ("document", "passage", "corpus")  # sentence-transformers takes the first that is there


@dataclass(frozen=True)
class DenseWeights:
    """A dense layer: `origin` is its safetensors file in the checkpoint, `file` the one it becomes in the entry."""

    origin: str
    file: str
    bias: bool


@dataclass(frozen=True)
class EncoderDescription:
    """`content` is encoder.json. `lower_case` asks for texts in lower case before anything else."""

    content: Mapping[str, Any]
    dense: tuple[DenseWeights, ...] = ()
    lower_case: bool = False

    @property
    def max_tokens(self) -> int:
        return int(self.content["max_tokens"])

    def write(self, folder: Path, **changes: Any) -> None:
        """Write the file; `changes` are keys that are known better by now."""
        text = json.dumps({**self.content, **changes}, indent=2, ensure_ascii=False)
        (folder / FILE).write_text(text + "\n", encoding="utf-8")


def describe(checkpoint: Checkpoint, task: str, *, limit: int | None = None) -> EncoderDescription:
    """The description for a task; at most `limit` tokens a text. Raises BadCheckpoint."""
    if checkpoint.config.get("is_encoder_decoder"):
        raise BadCheckpoint(
            f"models of the type '{checkpoint.config.get('model_type')}' have an encoder and a decoder",
            hint=f"for {task}, give a model that is an encoder, or a decoder alone",
        )
    head = _embeddings(checkpoint) if task == FEATURE_EXTRACTION else _scores(checkpoint, task)
    tokens = min(found for found in (_max_tokens(checkpoint), limit) if found)
    content = {
        "task": task,
        "max_tokens": tokens,
        "pad_token_id": _pad_token_id(checkpoint),
        "token_types": _has_token_types(checkpoint),
        **head.content,
    }
    lower = bool(checkpoint.read_json("sentence_bert_config.json").get("do_lower_case"))
    return EncoderDescription(content, head.dense, lower)


@dataclass(frozen=True)
class _Head:
    content: Mapping[str, Any]
    dense: tuple[DenseWeights, ...] = ()


def _embeddings(checkpoint: Checkpoint) -> _Head:
    modules = _modules(checkpoint)
    pooling = _pooling({})
    layers: list[dict[str, str]] = []
    dense: list[DenseWeights] = []
    for number, (kind, path) in enumerate(modules):
        config = checkpoint.read_json(f"{path}/config.json" if path else "config.json")
        if kind == "Transformer" and number == 0 and not path:
            _check_transformer(checkpoint)
        elif kind == "Pooling" and number == 1:
            pooling = _pooling(config)
        elif kind == "Normalize" and number > 1:
            layers.append({"type": "normalize"})
        elif kind == "Dense" and number > 1:
            activation = str(config.get("activation_function") or "Tanh")  # as sentence-transformers has it
            weights = _dense(checkpoint, path, config, f"dense_{len(dense)}.npz")
            dense.append(weights)
            layers.append({"type": "dense", "file": weights.file, "activation": _known_activation(activation)})
        elif kind != "Dropout":  # which does nothing but in training
            raise _unknown_module(kind, number, path)
    return _Head({**pooling, "layers": layers, "prompts": _prompts(checkpoint)}, tuple(dense))


def _modules(checkpoint: Checkpoint) -> list[tuple[str, str]]:
    """Kind and folder of each module. Without modules.json, sentence-transformers takes the mean of the tokens."""
    file = checkpoint.folder / "modules.json"
    if "modules.json" not in checkpoint.files:
        return [("Transformer", ""), ("Pooling", "")]
    try:
        listed = json.loads(file.read_text(encoding="utf-8"))
        found = [
            (str(each["type"]), str(each.get("path", ""))) for each in sorted(listed, key=lambda each: each["idx"])
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadCheckpoint(f"{file} cannot be read: {error}") from error
    for kind, path in found:
        if not kind.startswith("sentence_transformers."):
            raise _unknown_module(kind, 0, path)
    return [(kind.rpartition(".")[2], path) for kind, path in found]


def _unknown_module(kind: str, number: int, path: str) -> BadCheckpoint:
    where = f" as number {number}" + (f" in '{path}'" if path else "")
    return BadCheckpoint(
        f"modules.json has the module '{kind}'{where}, which the embeddings backend cannot do",
        hint="it does Transformer, Pooling, Dense, Normalize in this order; on CUDA, --target triton-vllm may do more",
    )


def _check_transformer(checkpoint: Checkpoint) -> None:
    config = checkpoint.read_json("sentence_bert_config.json")
    task = config.get("transformer_task", "feature-extraction")
    if task != "feature-extraction":
        raise BadCheckpoint(f"sentence_bert_config.json asks the transformer for '{task}', not for feature-extraction")
    if "text" not in config.get("modality_config", {"text": {}}):
        raise BadCheckpoint("sentence_bert_config.json does not say how the model reads texts")


def _pooling(config: Mapping[str, Any]) -> dict[str, Any]:
    named = config.get("pooling_mode")
    if named is None:
        named = [mode for key, mode in _POOLINGS.items() if config.get(key)] or ["mean"]
    modes = [named] if isinstance(named, str) else list(named)
    for mode in modes:
        if mode not in _POOLINGS.values():
            raise BadCheckpoint(f"the pooling '{mode}' is not known", hint=f"known: {', '.join(_POOLINGS.values())}")
    return {"pooling": modes, "pool_prompt": bool(config.get("include_prompt", True))}


def _dense(checkpoint: Checkpoint, path: str, config: Mapping[str, Any], file: str) -> DenseWeights:
    for key in ("module_input_name", "module_output_name"):
        if config.get(key) not in (None, "sentence_embedding"):
            raise BadCheckpoint(f"the dense layer in '{path}' works on '{config[key]}', not on the text's vector")
    if config.get("use_residual"):
        raise BadCheckpoint(f"the dense layer in '{path}' has a residual, which the embeddings backend cannot do")
    origin = f"{path}/model.safetensors"
    if not (checkpoint.folder / origin).is_file():
        raise BadCheckpoint(
            f"the weights {origin} of a dense layer are missing",
            hint="where there is pytorch_model.bin, load the model with sentence-transformers and save it again",
        )
    return DenseWeights(origin, file, bool(config.get("bias", True)))


def _known_activation(named: str) -> str:
    found = _ACTIVATIONS.get(named.rpartition(".")[2])
    if found is None:
        raise BadCheckpoint(f"the activation '{named}' is not known", hint=f"known: {', '.join(_ACTIVATIONS)}")
    return found


def _prompts(checkpoint: Checkpoint) -> dict[str, str]:
    config = checkpoint.read_json("config_sentence_transformers.json")
    prompts, default = config.get("prompts"), config.get("default_prompt_name")
    prompts = {key: str(value) for key, value in prompts.items() if value} if isinstance(prompts, dict) else {}
    chosen = {
        "query": prompts.get("query"),
        "document": next((prompts[name] for name in _DOCUMENT_PROMPTS if name in prompts), None),
        "default": prompts.get(str(default)),
    }
    return {key: value for key, value in chosen.items() if value}


def _scores(checkpoint: Checkpoint, task: str) -> _Head:
    config = checkpoint.config
    architecture = next(iter(config.get("architectures") or []), "")
    if "modules.json" in checkpoint.files and any(kind != "Transformer" for kind, _ in _modules(checkpoint)):
        raise BadCheckpoint("modules.json has more than a transformer, which the score backends cannot do")
    if architecture and not str(architecture).endswith("ForSequenceClassification"):
        raise BadCheckpoint(
            f"a {architecture} gives no scores, so it cannot do {task}",
            hint="a model for sequence classification can; language models that answer yes or no cannot be used yet",
        )
    labels = _labels(config)
    if task != TEXT_RANKING:
        return _Head({"activation": _classifier_activation(config, len(labels)), "labels": labels})
    if len(labels) != 1:
        raise BadCheckpoint(
            f"a cross-encoder gives one score, this model gives {len(labels)}", hint="pass --task text-classification"
        )
    own = checkpoint.read_json("config_sentence_transformers.json")
    if own.get("default_prompt_name"):
        raise BadCheckpoint("this cross-encoder has a prompt, which the rerank backend cannot put in front")
    nested = config.get("sentence_transformers")
    named = (nested.get("activation_fn") if isinstance(nested, dict) else None) or (
        config.get("sbert_ce_default_activation_function") or own.get("activation_fn") or "Sigmoid"
    )
    return _Head({"activation": _known_activation(str(named)), "labels": labels})


def _labels(config: Mapping[str, Any]) -> list[str]:
    named = config.get("id2label")
    if isinstance(named, dict) and named:
        try:
            return [str(named[key]) for key in sorted(named, key=int)]
        except ValueError as error:
            raise BadCheckpoint(f"id2label of config.json has keys that are no numbers: {error}") from error
    count = config.get("num_labels", 2)  # as transformers has it
    return [f"LABEL_{number}" for number in range(int(count))]


def _classifier_activation(config: Mapping[str, Any], labels: int) -> str:
    """As the pipeline of transformers chooses."""
    kind = config.get("problem_type")
    if kind == "regression":
        return "identity"
    return "sigmoid" if kind == "multi_label_classification" or labels == 1 else "softmax"


def _max_tokens(checkpoint: Checkpoint) -> int:
    """What sentence-transformers cuts texts to, and never more than the model has positions for."""
    config = checkpoint.config
    positions = config.get("max_position_embeddings")
    positions = positions if isinstance(positions, int) and positions > 0 else None
    if positions is not None and config.get("model_type") in _POSITIONS_BEHIND_PADDING:
        positions -= int(config.get("pad_token_id") or 0) + 1
    asked = checkpoint.read_json("sentence_bert_config.json").get("max_seq_length")
    if asked is None:
        asked = checkpoint.read_json("tokenizer_config.json").get("model_max_length")
    usable = asked if isinstance(asked, int | float) and 0 < asked < _NO_LIMIT else None
    return int(min((found for found in (usable, positions) if found is not None), default=_DEFAULT_TOKENS))


def _has_token_types(checkpoint: Checkpoint) -> bool:
    """Whether transformers' tokenizer hands them out; a general one does only where its file says so."""
    config = checkpoint.read_json("tokenizer_config.json")
    if isinstance(names := config.get("model_input_names"), list):
        return "token_type_ids" in names
    return str(config.get("tokenizer_class", "")) not in ("PreTrainedTokenizerFast", "TokenizersBackend")


def _pad_token_id(checkpoint: Checkpoint) -> int:
    named = checkpoint.read_json("tokenizer_config.json").get("pad_token")
    named = named.get("content") if isinstance(named, dict) else named
    for token in checkpoint.read_json("tokenizer.json").get("added_tokens", []):
        if named is not None and token.get("content") == named:
            return int(token["id"])
    configured = checkpoint.config.get("pad_token_id")
    return configured if isinstance(configured, int) and configured >= 0 else 0

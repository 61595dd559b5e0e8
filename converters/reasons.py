"""Reasons to refuse a checkpoint that its configuration, tokenizer or device give.

Looks at names and small files; weights are looked at by `contents`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from converters.adapters import read_adapter, read_gguf_adapter
from converters.contents import Contents
from converters.lora import check_adapter
from converters.model_card import named_ends
from converters.precision import KINDS_OF_DEVICES, Device
from converters.source import Checkpoint
from converters.targets import Target
from modelyard.card import GENERATES_TEXT, TENSORS, TEXT_TO_IMAGE, TEXT_TO_SPEECH
from modelyard.errors import BadCheckpoint, ConfigMissing, FieldRefused, ModelyardError, TokenizerMissing

_TAKE_ADAPTERS = frozenset({"openvino_text", "openvino_gguf", "llamacpp", "vllm", "openvino_images", "diffusers"})
_OF_IMAGES = frozenset({"openvino_images", "diffusers"})


def about_config(checkpoint: Checkpoint, contents: Contents, *, trust_remote_code: bool) -> list[ModelyardError]:
    """What is wrong with config.json or model_index.json; a GGUF file and plain IR have neither."""
    if checkpoint.form in ("gguf", "openvino"):
        return []
    name = "model_index.json" if checkpoint.form == "diffusers" else "config.json"
    if name not in checkpoint.files:
        return [ConfigMissing(checkpoint.folder)]
    if not checkpoint.config:
        return [BadCheckpoint(f"{name} in {checkpoint.folder} is not a JSON object")]
    own_code = "auto_map" in checkpoint.config and trust_remote_code
    if checkpoint.form == "transformers" and not own_code and not isinstance(checkpoint.config.get("model_type"), str):
        return [
            BadCheckpoint(
                f"config.json of {contents.architecture} has no model_type",
                hint="transformers reads the architecture from it; take config.json of the original model",
            )
        ]
    return []


def about_tokenizer(checkpoint: Checkpoint, task: str) -> list[ModelyardError]:
    """Whether there is a tokenizer that can be converted."""
    if checkpoint.form in ("gguf", "diffusers") or task in (TEXT_TO_IMAGE, TENSORS):
        return []
    files = set(checkpoint.files)
    if checkpoint.form == "openvino":
        needs = "openvino_model.xml" in files and not files & {"openvino_tokenizer.xml", "tokenizer.json"}
        return [TokenizerMissing(checkpoint.folder)] if needs else []
    if "tokenizer.json" in files:
        content = checkpoint.read_json("tokenizer.json")
        if not isinstance(content.get("model"), dict):
            return [TokenizerMissing(checkpoint.folder, "tokenizer.json cannot be read")]
        return _about_vocabulary(checkpoint, content, task)
    if {"vocab.json", "merges.txt"} <= files or "vocab.txt" in files or task == TEXT_TO_SPEECH:
        return []
    if "tokenizer.model" in files:
        return [TokenizerMissing(checkpoint.folder, "there is only tokenizer.model, which is read by slow tokenizers")]
    return [TokenizerMissing(checkpoint.folder)]


def _about_vocabulary(checkpoint: Checkpoint, tokenizer: Mapping[str, Any], task: str) -> list[ModelyardError]:
    """Whether every token has a row in the embedding, and the one that ends an answer is a token.

    Rows without a token are padding, which is common.
    """
    vocabulary, added = tokenizer["model"].get("vocab"), tokenizer.get("added_tokens")
    ids: list[Any] = [len(vocabulary) - 1] if isinstance(vocabulary, list) else []
    ids += vocabulary.values() if isinstance(vocabulary, dict) else []
    ids += [token.get("id") for token in added or () if isinstance(token, dict)]
    places = [place for place in ids if isinstance(place, int)]
    if not places:  # only its name is known yet, of a model on the hub
        return []
    highest = max(places)
    rows = checkpoint.text_config.get("vocab_size")
    if isinstance(rows, int) and highest >= rows:
        why = f"it has tokens up to number {highest}, and the model's vocabulary ends at {rows - 1}"
    elif task in GENERATES_TEXT and (end := _unknown_end(checkpoint, highest)) is not None:
        why = f"the model ends its answers with token {end}, and the tokenizer's end at {highest}"
    else:
        return []
    return [TokenizerMissing(checkpoint.folder, f"{why}: it is another model's")]


def _unknown_end(checkpoint: Checkpoint, highest: int) -> int | None:
    """The lowest of the tokens that end an answer, where the tokenizer has none of them."""
    ends = named_ends(checkpoint.config) + named_ends(checkpoint.text_config)
    # Tokens that older checkpoints add in files of their own.
    more = [*checkpoint.read_json("added_tokens.json").values()]
    decoder = checkpoint.read_json("tokenizer_config.json").get("added_tokens_decoder")
    more += [int(place) for place in decoder if place.isdecimal()] if isinstance(decoder, dict) else []
    last = max([highest, *(place for place in more if isinstance(place, int))])
    return min(ends) if ends and min(ends) > last else None


def about_device(device: Device, target: Target) -> list[ModelyardError]:
    """Whether the device has a name that its engine knows."""
    kind = device.partition(":")[0].partition(".")[0].upper()
    if target in ("triton-openvino", "ovms") and kind not in KINDS_OF_DEVICES:
        return [FieldRefused("device", f"'{device}' is none of {', '.join(KINDS_OF_DEVICES)}")]
    return []


def about_adapters(adapters: Mapping[str, Path], exporter: str, target: Target) -> list[ModelyardError]:
    """Whether every LoRA adapter can be read, and the exporter takes any."""
    if adapters and exporter and (exporter not in _TAKE_ADAPTERS or target == "ovms"):
        return [FieldRefused("--lora", "an entry of this kind takes no LoRA adapters")]
    reasons: list[ModelyardError] = []
    for place in adapters.values():
        try:
            if exporter == "llamacpp":
                read_gguf_adapter(place)
            elif exporter in _OF_IMAGES:
                check_adapter(place)
            else:
                read_adapter(place)
        except ModelyardError as bad:
            reasons.append(bad)
    return reasons


def about_calibration(text: Path | None) -> list[ModelyardError]:
    """Whether the calibration text is there."""
    if text is None or text.is_file():
        return []
    return [FieldRefused("--calibration", f"there is no text file {text}")]

"""`encoder.json`: what a version folder says of its encoder besides the network and the tokenizer.

    task           feature-extraction, text-ranking or text-classification
    max_tokens     what one text (or pair of texts) may have; the rest is cut off
    pad_token_id   fills up the shorter texts of a batch
    token_types    whether the model is told which text of a pair a token is of
    pooling        embeddings: how a text's tokens become one vector (cls, mean, max, mean_sqrt_len_tokens,
                   weightedmean, lasttoken); several are joined end to end
    pool_prompt    embeddings: whether the tokens of the prompt count
    layers         embeddings: what follows, in order: {"type": "dense", "file", "activation"}, {"type": "normalize"}
    prompts        embeddings: texts put in front, by input_type; "default" where none is named
    activation     scores: identity, sigmoid or softmax
    labels         scores: the name of each

The converter writes it from the checkpoint's own files. Knows the file; does not know what is done with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..settings import BadSetting

FILE = "encoder.json"
POOLINGS = ("cls", "mean", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
ACTIVATIONS = ("identity", "sigmoid", "softmax", "tanh", "relu")


@dataclass(frozen=True)
class Layer:
    """A step after pooling. `file` holds the weights of a dense layer, beside encoder.json."""

    type: str
    file: str = ""
    activation: str = "identity"


@dataclass(frozen=True)
class Description:
    task: str
    max_tokens: int
    pad_token_id: int = 0
    token_types: bool = True
    pooling: tuple[str, ...] = ("mean",)
    pool_prompt: bool = True
    layers: tuple[Layer, ...] = ()
    prompts: Mapping[str, str] = field(default_factory=dict)
    activation: str = "identity"
    labels: tuple[str, ...] = ()


def read_description(folder: Path, task: str) -> Description:
    """The description in a version folder. Raises BadSetting with the file's name."""
    file = folder / FILE
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSetting(f"{file} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise BadSetting(f"{file} is not JSON: {error}") from None
    try:
        found = _checked(content)
    except (TypeError, ValueError, KeyError) as error:
        raise BadSetting(f"{file} is not what this backend reads: {error}") from None
    if found.task != task:
        raise BadSetting(f"{file} describes a model for {found.task}; this backend serves {task}")
    return found


def _checked(content: Any) -> Description:
    fields = dict(content)
    fields["layers"] = tuple(Layer(**layer) for layer in fields.get("layers", ()))
    for name in ("pooling", "labels"):
        if name in fields:
            fields[name] = tuple(str(value) for value in fields[name])
    found = Description(**fields)
    if not isinstance(found.max_tokens, int) or found.max_tokens < 1:
        raise ValueError("max_tokens must be a whole number of at least 1")
    for kind, known, used in (
        ("pooling", POOLINGS, found.pooling),
        ("activation", ACTIVATIONS, (found.activation, *(layer.activation for layer in found.layers))),
        ("layer", ("dense", "normalize"), [layer.type for layer in found.layers]),
    ):
        if unknown := [each for each in used if each not in known]:
            raise ValueError(f"the {kind} '{unknown[0]}' is not known")
    return found

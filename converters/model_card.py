"""What a gateway must know of a model, read from the checkpoint's own files.

Reads JSON and Jinja as transformers would, without it; does not render a template.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from converters.source import Checkpoint
from modelyard.card import GENERATES_TEXT, ModelCard

if TYPE_CHECKING:
    from converters.plan import ConversionPlan

_CONTEXT_KEYS = ("max_position_embeddings", "n_positions", "max_sequence_length", "max_seq_len", "seq_length", "n_ctx")
_SPECIAL_TOKENS = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_SAMPLING = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "max_new_tokens")
_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---", re.DOTALL)
_LICENSE = re.compile(r"^license(?:_name)?:[ \t]*(\S.*)$", re.MULTILINE)
_LONGEST = 2**30  # tokens; what tokenizers write for "no limit" is far above


def model_card(plan: ConversionPlan, *, created: int) -> ModelCard:
    """The card of the entry that a plan makes."""
    if plan.checkpoint.form == "gguf":
        from converters.gguf import read_header
        from converters.gguf_card import model_card_of

        return replace(
            model_card_of(read_header(plan.checkpoint.gguf), created=created),
            context_length=plan.context_length,
            adapters=tuple(plan.adapters),
        )
    if plan.task not in GENERATES_TEXT:
        return ModelCard(
            task=plan.task, created=created, context_length=plan.context_length, adapters=tuple(plan.adapters)
        )
    return ModelCard(
        task=plan.task,
        created=created,
        context_length=plan.context_length,
        chat_template=chat_template(plan.checkpoint),
        special_tokens=special_tokens(plan.checkpoint),
        generation_defaults=generation_defaults(plan.checkpoint),
        adapters=tuple(plan.adapters),
    )


def license_of(plan: ConversionPlan) -> str | None:
    """The licence as the model's page or its GGUF file names it."""
    if plan.checkpoint.form == "gguf":
        from converters.gguf import read_header

        return read_header(plan.checkpoint.gguf).license
    try:
        page = (plan.checkpoint.folder / "README.md").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    front = _FRONT_MATTER.match(page)
    found = _LICENSE.search(front[1]) if front else None
    return found[1].strip().strip("'\"") if found else None


def context_length(checkpoint: Checkpoint) -> int | None:
    """Tokens that the model was made for; None where nothing says."""
    text = checkpoint.text_config
    length = next((size for key in _CONTEXT_KEYS if (size := _as_length(text.get(key)))), None)
    # YaRN keeps the length it was trained with apart from the factor by which it is stretched.
    rope = text.get("rope_parameters") or text.get("rope_scaling")
    if isinstance(rope, dict) and rope.get("rope_type", rope.get("type")) == "yarn":
        trained, factor = _as_length(rope.get("original_max_position_embeddings")), rope.get("factor")
        if trained is not None and isinstance(factor, (int, float)):
            length = max(length or 0, int(trained * factor))
    return length or _as_length(checkpoint.read_json("tokenizer_config.json").get("model_max_length"))


def chat_template(checkpoint: Checkpoint) -> str | None:
    """The Jinja text: a file of its own wins, then tokenizer_config.json, whose named templates have a default."""
    if "chat_template.jinja" in checkpoint.files:
        return (checkpoint.folder / "chat_template.jinja").read_text(encoding="utf-8")
    for file in ("chat_template.json", "tokenizer_config.json"):
        template = checkpoint.read_json(file).get("chat_template")
        if isinstance(template, str):
            return template
        if isinstance(template, list):
            named = {item["name"]: item["template"] for item in template if isinstance(item, dict)}
            return named.get("default") or next(iter(named.values()), None)
    return None


def special_tokens(checkpoint: Checkpoint) -> dict[str, str]:
    """The template's variables. A token is a string or an object with its content."""
    written: dict[str, Any] = checkpoint.read_json("special_tokens_map.json")
    written |= checkpoint.read_json("tokenizer_config.json")
    found = {}
    for key in _SPECIAL_TOKENS:
        token = written.get(key)
        content = token.get("content") if isinstance(token, dict) else token
        if isinstance(content, str):
            found[key] = content
    return found


def generation_defaults(checkpoint: Checkpoint) -> dict[str, Any]:
    """The sampling that generation_config.json sets explicitly. Greedy is temperature 0, as every client says it."""
    config = checkpoint.read_json("generation_config.json")
    defaults = {key: config[key] for key in _SAMPLING if isinstance(config.get(key), (int, float))}
    if config.get("do_sample") is False:
        return {key: value for key, value in defaults.items() if key not in {"top_p", "top_k", "min_p"}} | {
            "temperature": 0
        }
    return defaults


def end_tokens(checkpoint: Checkpoint) -> list[int]:
    """Every token id that ends an answer: of generation_config.json or else config.json, and the tokenizer's own."""
    ends: list[int] = []
    for file in ("generation_config.json", "config.json"):
        if ends := named_ends(checkpoint.read_json(file)):
            break
    # Chat models often end a turn with a token that only their tokenizer calls the end.
    end = special_tokens(checkpoint).get("eos_token")
    added = checkpoint.read_json("tokenizer.json").get("added_tokens") or []
    ends += [token["id"] for token in added if token.get("content") == end and token["id"] not in ends]
    return ends


def named_ends(config: Mapping[str, Any]) -> list[int]:
    """The token ids of `eos_token_id`, which is one or a list."""
    ids = config.get("eos_token_id")
    return [int(token) for token in (ids if isinstance(ids, list) else [ids]) if isinstance(token, int)]


def _as_length(value: object) -> int | None:
    return value if isinstance(value, int) and 0 < value <= _LONGEST else None

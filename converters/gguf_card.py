"""What a gateway must know of a model, from the header of its GGUF file.

Knows the keys of the metadata; does not read the file.
"""

from __future__ import annotations

from typing import Any

from converters.gguf import GgufHeader
from modelyard.card import ModelCard

# Keys of the metadata that name the sampling which the model's makers recommend, and our names for it.
_SAMPLING = {"temp": "temperature", "top_p": "top_p", "top_k": "top_k", "min_p": "min_p"}
_REPETITION = "general.sampling.penalty_repeat"


def model_card_of(header: GgufHeader, *, created: int) -> ModelCard:
    """The card of an entry that serves the file."""
    return ModelCard(
        created=created,
        context_length=header.context_length,
        chat_template=header.chat_template,
        special_tokens=header.special_tokens,
        generation_defaults=generation_defaults(header),
    )


def generation_defaults(header: GgufHeader) -> dict[str, Any]:
    """The sampling that the file recommends; empty where it recommends none."""
    keys = {f"general.sampling.{theirs}": ours for theirs, ours in _SAMPLING.items()}
    keys[_REPETITION] = "repetition_penalty"
    found = {}
    for key, name in keys.items():
        value = header.metadata.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            # The format has 32-bit floats: 0.7 would come out as 0.699999988079071.
            found[name] = value if isinstance(value, int) else float(f"{value:.6g}")
    return found

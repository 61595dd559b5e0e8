"""The figures of a language model that decide how large it is, in whatever words its configuration says them.

Reads mappings; knows neither files nor engines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from converters.contents import Contents

_NAMES = {
    "layers": ("num_hidden_layers", "n_layer", "num_layers", "n_layers"),
    "width": ("hidden_size", "n_embd", "d_model"),
    "heads": ("num_attention_heads", "n_head", "num_heads", "n_heads"),
    "vocabulary": ("vocab_size",),
    "inner": ("intermediate_size", "n_inner", "ffn_dim"),
    "experts": ("num_local_experts", "num_experts", "n_routed_experts"),
    "active_experts": ("num_experts_per_tok", "num_experts_per_token", "moe_topk"),
    "expert_inner": ("moe_intermediate_size",),
}


@dataclass(frozen=True)
class Shape:
    """A decoder. `vocabulary` is 0 where it is not said; `output_layer` tells whether it has weights of its own.

    `cached_layers` are those whose attention keeps a cache: in hybrid models not all do.
    """

    layers: int
    cached_layers: int
    width: int
    inner: int
    heads: int
    kv_heads: int
    head_size: int
    vocabulary: int
    output_layer: bool
    experts: int = 0
    active_experts: int = 0
    expert_inner: int = 0

    @property
    def embedding(self) -> int:
        """Parameters of the table of tokens."""
        return self.vocabulary * self.width

    @property
    def inner_of_step(self) -> int:
        """That of the network that a token visits: an expert's, where there are any."""
        return self.expert_inner if self.experts and self.expert_inner else self.inner

    @property
    def idle_experts(self) -> int:
        """Parameters of the experts that one token does not visit."""
        if not self.experts or not 0 < self.active_experts < self.experts:
            return 0
        return (self.experts - self.active_experts) * 3 * self.width * self.inner_of_step * self.layers


def shape_of(contents: Contents) -> Shape | None:
    """None where the figures are not those of a decoder."""
    figures = contents.figures
    found = {ours: _first(figures, names) for ours, names in _NAMES.items()}
    layers, width, heads = found["layers"], found["width"], found["heads"]
    if not layers or not width:
        return None
    head_size = _whole(figures.get("head_dim")) or (width // heads if heads else 0)
    kinds = figures.get("layer_types") or figures.get("layers_block_type")
    cached = sum("attention" in str(kind) for kind in kinds) if isinstance(kinds, list) else layers
    return Shape(
        layers=layers,
        cached_layers=cached if heads else 0,
        width=width,
        inner=found["inner"] or 4 * width,
        heads=heads,
        kv_heads=_kv_heads(figures, heads),
        head_size=head_size,
        vocabulary=found["vocabulary"],
        output_layer=_has_output_layer(contents),
        experts=found["experts"],
        active_experts=found["active_experts"],
        expert_inner=found["expert_inner"],
    )


def _kv_heads(figures: Mapping[str, Any], heads: int) -> int:
    if figures.get("multi_query") is True and not figures.get("new_decoder_architecture"):
        return 1
    return _first(figures, ("num_key_value_heads", "num_kv_heads")) or heads


def _has_output_layer(contents: Contents) -> bool:
    # Transformers' own default is that the table of tokens serves as the output layer too.
    return contents.figures.get("tie_word_embeddings", True) is False


def _first(figures: Mapping[str, Any], names: tuple[str, ...]) -> int:
    return next((value for name in names if (value := _whole(figures.get(name)))), 0)


def _whole(value: object) -> int:
    if isinstance(value, list):  # one for each layer
        return max((_whole(each) for each in value), default=0)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0

"""Weights of a network in fewer bits, by NNCF.

Knows networks and recipes; does not know what a network is for.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from converters.blockwise import blockwise
from converters.mapped import give_back, trim_heap


def compress(model_file: Path, recipe: Mapping[str, Any], samples: Iterable[Mapping[str, Any]] | None = None) -> None:
    """Compress the weights of an IR in place; the file is replaced when the new one is whole.

    `recipe` is in the words of optimum's OVWeightQuantizationConfig. `samples` are inputs of the network by name, for
    recipes that look at activations.
    """
    import openvino as ov

    weights = model_file.with_suffix(".bin")
    model = ov.Core().read_model(model_file)
    compressed = compress_network(model, recipe, weights, samples=samples)
    beside = model_file.with_name("compressed.xml")
    ov.save_model(compressed, beside, compress_to_fp16=False)
    del model, compressed  # the file's weights are mapped into memory until here
    gc.collect()
    trim_heap()
    for suffix in (".xml", ".bin"):
        beside.with_suffix(suffix).replace(model_file.with_suffix(suffix))


def compress_network(
    model: Any, recipe: Mapping[str, Any], *weights: Path, samples: Iterable[Mapping[str, Any]] | None = None
) -> Any:
    """The network with compressed weights. `weights` are the files that they are mapped from, if they are."""
    import nncf
    from optimum.intel import OVWeightQuantizationConfig

    options = OVWeightQuantizationConfig(**recipe).to_nncf_dict()
    if samples is not None:
        options["dataset"] = nncf.Dataset(list(samples))

    def let_go() -> None:
        give_back(*weights)
        trim_heap()

    with blockwise(let_go):
        compressed = nncf.compress_weights(model, **options)
    let_go()
    return compressed

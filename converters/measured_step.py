"""How long one decode step of a model takes on this host, found by running its engine for some seconds, once.

llama.cpp runs the file itself; of one that is not here yet it runs a stand-in, whose weights are holes of the true size
and type. OpenVINO runs layers of the model's widths and precision before there is an entry. Knows what to ask for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from converters.estimates.shape import Shape, shape_of
from converters.estimates.speed import bits_of
from converters.plan import ConversionPlan
from converters.precision import RECIPES, arithmetic
from converters.probing import seconds_of_layer, speed_with
from modelyard.card import GENERATES_TEXT
from modelyard.errors import EnvironmentMissing
from modelyard.host import free_memory, threads, uncached
from modelyard.measurements import positive, recall, remember

# A larger file is not loaded only to look: it is read from a disk, and the prompt alone takes minutes.
_LARGEST_FILE = 8 * 2**30
# Between groups of a row, as entries have them where IR that is ready does not say.
_GROUP = 128


def known_step(plan: ConversionPlan) -> float | None:
    """Seconds; None where it was not measured on this host."""
    found = recall(plan.repository).get("steps")
    return positive(found.get(_kind(plan))) if isinstance(found, dict) else None


def measured_step(plan: ConversionPlan, engine_python: Path, *, anew: bool = False) -> float | None:
    """The same, measured when it is not known; None where no text is generated, or nothing can be measured."""
    if plan.task not in GENERATES_TEXT or plan.device != "CPU" or plan.target == "triton-vllm":
        return None
    known = None if anew else known_step(plan)
    if known is not None:
        return known
    try:
        found = (_of_llamacpp if plan.exporter == "llamacpp" else _of_openvino)(plan, engine_python)
    except EnvironmentMissing:
        return None
    if found is not None:
        remember(plan.repository, steps={_kind(plan): found})
    return found


def _of_llamacpp(plan: ConversionPlan, engine_python: Path) -> float | None:
    if plan.contents.bytes > min(_LARGEST_FILE, free_memory() // 2):
        return None
    speed = speed_with("llamacpp", plan.checkpoint.gguf, engine_python)
    return 1 / speed.decode if speed is not None else None


def _of_openvino(plan: ConversionPlan, engine_python: Path) -> float | None:
    shape = shape_of(plan.contents)
    asked = layers_of(plan, shape) if shape is not None else None
    found = seconds_of_layer(asked, engine_python) if asked is not None else None
    return shape.layers * found[0] + found[1] if shape is not None and found is not None else None


def layers_of(plan: ConversionPlan, shape: Shape) -> dict[str, Any] | None:
    """What the probe is to lay out; None where the layers are of another kind (state spaces, mixtures of both)."""
    like_attention = shape.heads and shape.kv_heads and shape.head_size and shape.cached_layers == shape.layers
    if not like_attention or shape.heads % shape.kv_heads or not shape.vocabulary:
        return None
    exact = arithmetic(plan.parameters, plan.device)
    recipe = RECIPES.get(plan.precision, {})
    bits = recipe.get("bits", 16) if plan.precision in RECIPES else bits_of(plan.contents)
    return {
        "layers": shape.layers,
        "width": shape.width,
        "inner": shape.inner_of_step,
        "heads": shape.heads,
        "kv_heads": shape.kv_heads,
        "head_size": shape.head_size,
        "visited": shape.active_experts if shape.idle_experts else 1,
        "gated": _is_gated(plan, shape),
        "vocabulary": shape.vocabulary,
        "weights": {16: "f16", 8: "u8", 4: "i4" if recipe.get("sym") else "u4"}[bits],
        "group": max(0, recipe.get("group_size", _GROUP if bits == 4 else 0)),
        "output_weights": "f16" if bits == 16 else "u8",
        "uncached": uncached(),
        "spare": free_memory() // 8,
        "threads": int(exact.get("INFERENCE_NUM_THREADS", threads())),
        "properties": {name: value for name, value in exact.items() if name == "INFERENCE_PRECISION_HINT"},
    }


def _is_gated(plan: ConversionPlan, shape: Shape) -> bool:
    """Whether the network between attentions has three matrices and not two, as its parameters tell."""
    ends = shape.embedding * (2 if shape.output_layer else 1)
    attention = 2 * shape.width * shape.head_size * (shape.heads + shape.kv_heads)
    network = (plan.parameters - ends) / shape.layers - attention
    return network / (shape.width * shape.inner_of_step * max(1, shape.experts)) > 2.5


def _kind(plan: ConversionPlan) -> str:
    """Models of one kind take as long as each other."""
    contents = plan.contents
    return f"{plan.exporter} {contents.architecture} {contents.parameters} {contents.bytes} {plan.precision}"

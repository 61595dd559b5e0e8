"""LoRA adapters of a language model: whether one fits, how strong it is, and its place in an entry.

Reads the form that PEFT saves: a folder with adapter_config.json and adapter_model.safetensors, or the bare file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converters.gguf import read_header
from converters.linking import link_or_copy
from converters.safetensors_header import read_safetensors
from converters.source import digest_of
from modelyard.errors import BadAdapter
from modelyard.manifest import sha256_of

# As PEFT names them; without the first nobody knows how strong an adapter is.
PEFT_FILES = _CONFIG, _WEIGHTS = ("adapter_config.json", "adapter_model.safetensors")


@dataclass(frozen=True)
class LoraAdapter:
    """`scale` is what the product of the two matrices is multiplied with; `rank` the largest of its layers."""

    file: Path
    scale: float
    rank: int
    modules: frozenset[str]


def read_adapter(place: Path) -> LoraAdapter:
    """The adapter in a folder or file. Raises BadAdapter."""
    file = weights_of(place)
    if not file.is_file():
        raise BadAdapter(place, f"there is no {_WEIGHTS}")
    try:
        header = read_safetensors(file)
    except (OSError, ValueError) as error:
        raise BadAdapter(place, str(error)) from error
    downs = [tensor for name, tensor in header.items() if ".lora_A." in name or ".lora_down." in name]
    ranks = [tensor.shape[0] for tensor in downs if tensor.shape]
    if not ranks:
        raise BadAdapter(place, "it has no LoRA matrices")
    modules = {name.split(".lora_")[0].rpartition(".")[2] for name in header if ".lora_" in name}
    config = _config(file.with_name(_CONFIG))
    return LoraAdapter(file, _scale(config, max(ranks), place), max(ranks), frozenset(modules))


def weights_of(place: Path) -> Path:
    """The file with the matrices: the one in PEFT's folder, or the place itself."""
    return place / _WEIGHTS if place.is_dir() else place


def contents_of_adapter(place: Path) -> str:
    """A name for exactly these matrices at this strength, wherever they lie."""
    if place.is_dir():
        return digest_of(place, [name for name in PEFT_FILES if (place / name).is_file()])
    return f"sha256:{sha256_of(place)}"


def read_gguf_adapter(place: Path) -> None:
    """Check an adapter for llama.cpp, which is a GGUF file of its own. Raises BadAdapter."""
    if not place.is_file():
        raise BadAdapter(place, "llama.cpp takes adapters as GGUF files")
    header = read_header(place)
    if header.kind != "adapter":
        raise BadAdapter(place, f"it is a {header.kind} and no adapter")


def place_adapters(adapters: Mapping[str, Path], folder: Path) -> None:
    """Put adapters into an entry's version folder as our OpenVINO backend looks for them."""
    if not adapters:
        return
    below = folder / "adapters"
    below.mkdir()
    scales = {}
    for name, place in adapters.items():
        adapter = read_adapter(place)
        link_or_copy(adapter.file, below / f"{name}.safetensors")
        scales[name] = adapter.scale
    (below / "scales.json").write_text(json.dumps(scales, indent=2) + "\n", encoding="utf-8")


def _config(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _scale(config: Mapping[str, Any], rank: int, place: Path) -> float:
    kind = str(config.get("peft_type", "LORA"))
    if kind != "LORA" or config.get("use_dora"):
        raise BadAdapter(place, f"it is of the kind {'DoRA' if config.get('use_dora') else kind}, not LoRA")
    alpha, own_rank = config.get("lora_alpha", rank), config.get("r", rank)
    if not isinstance(alpha, (int, float)) or not isinstance(own_rank, int) or own_rank < 1:
        raise BadAdapter(place, "its lora_alpha or r is no number")
    return float(alpha) / (math.sqrt(own_rank) if config.get("use_rslora") else own_rank)

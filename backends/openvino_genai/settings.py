"""The backend's settings, from the parameters of an entry's config.pbtxt.

    DEVICE                    CPU       OpenVINO device: CPU, GPU, GPU.1, NPU, AUTO ...
    CONTEXT_LENGTH            -         prompt and answer together, in tokens; config.json's figure when left out
    CACHE_SIZE_GB             0         KV cache in GB; 0 grows as needed
    MAX_NUM_BATCHED_TOKENS    256       tokens in one step: bounds how long a prompt holds up running answers
    MAX_NUM_SEQS              256       sequences computed at once; more of them wait
    MAX_QUEUE_SIZE            512       sequences that may wait; one more is refused as UNAVAILABLE
    ENABLE_PREFIX_CACHING     true      keep the cache of prompts and answers for prompts that begin the same
    DYNAMIC_SPLIT_FUSE        true      compute long prompts in pieces, beside running answers
    KV_CACHE_PRECISION        device's  u8, u4, i8, f16, bf16 or f32
    INFERENCE_PRECISION_HINT  device's  f32, f16 or bf16
    INFERENCE_NUM_THREADS     device's  threads of the CPU device
    PLUGIN_CONFIG             {}        a JSON object of further OpenVINO properties
    MAX_IMAGES                8         images of one request, for a model that sees
    MAX_IMAGE_PIXELS          50000000  of one image, before it is unfolded

A version folder may hold LoRA adapters: `adapters/<name>.safetensors`, and their scales in `adapters/scales.json`.

Knows texts and figures; does not know OpenVINO.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from ..common.settings import BadSetting, Parameters, at_least, json_object, one_of, truth

_CACHE_PRECISIONS = ("u8", "u4", "i8", "f16", "bf16", "f32")
_PRECISIONS = ("f32", "f16", "bf16")


@dataclass(frozen=True)
class BackendSettings:
    """`properties` go to OpenVINO as they are; `adapters` are scales by the adapter's name."""

    backend: ClassVar[str] = "openvino_genai"

    context_length: int
    device: str = "CPU"
    cache_size_gb: int = 0
    max_num_batched_tokens: int = 256
    max_num_seqs: int = 256
    max_queue_size: int = 512
    enable_prefix_caching: bool = True
    dynamic_split_fuse: bool = True
    max_images: int = 8
    max_image_pixels: int = 50_000_000
    properties: Mapping[str, Any] = field(default_factory=dict)
    adapters: Mapping[str, float] = field(default_factory=dict)

    @property
    def shares_prompts(self) -> bool:
        return self.enable_prefix_caching


def read_settings(parameters: Parameters, version_folder: Path) -> BackendSettings:
    """The settings of an entry. Raises BadSetting."""

    get = parameters.get
    context = get("CONTEXT_LENGTH", at_least(2), 0) or _context_of_checkpoint(version_folder)
    nothing: dict[str, Any] = {}
    properties = dict(get("PLUGIN_CONFIG", json_object, nothing))
    for name, choices in (("KV_CACHE_PRECISION", _CACHE_PRECISIONS), ("INFERENCE_PRECISION_HINT", _PRECISIONS)):
        if precision := get(name, one_of(choices), ""):
            properties[name] = precision
    if threads := get("INFERENCE_NUM_THREADS", at_least(1), 0):
        properties["INFERENCE_NUM_THREADS"] = threads
    adapters = _adapters(version_folder)
    settings = BackendSettings(
        context_length=context,
        device=get("DEVICE", str.upper, "CPU"),
        cache_size_gb=get("CACHE_SIZE_GB", at_least(0), 0),
        max_num_batched_tokens=get("MAX_NUM_BATCHED_TOKENS", at_least(1), 256),
        max_num_seqs=get("MAX_NUM_SEQS", at_least(1), 256),
        max_queue_size=get("MAX_QUEUE_SIZE", at_least(0), 512),
        # What one adapter computed of a prompt is wrong for another, and the cache does not tell them apart.
        enable_prefix_caching=get("ENABLE_PREFIX_CACHING", truth, True) and not adapters,
        dynamic_split_fuse=get("DYNAMIC_SPLIT_FUSE", truth, True),
        max_images=get("MAX_IMAGES", at_least(1), 8),
        max_image_pixels=get("MAX_IMAGE_PIXELS", at_least(1), 50_000_000),
        properties=properties,
        adapters=adapters,
    )
    if not settings.dynamic_split_fuse and settings.max_num_batched_tokens < context:
        # Without splitting, a prompt longer than a step would wait for ever.
        raise BadSetting(
            f"the parameter MAX_NUM_BATCHED_TOKENS of config.pbtxt is '{settings.max_num_batched_tokens}', but with "
            f"DYNAMIC_SPLIT_FUSE off it must be at least the context of {context} tokens"
        )
    return settings


def _adapters(version_folder: Path) -> dict[str, float]:
    folder = version_folder / "adapters"
    try:
        scales = json.loads((folder / "scales.json").read_text()) if folder.is_dir() else {}
        return {path.stem: float(scales.get(path.stem, 1.0)) for path in sorted(folder.glob("*.safetensors"))}
    except (OSError, ValueError, AttributeError, TypeError):
        raise BadSetting(f"{folder}/scales.json must be a JSON object with a number for each adapter") from None


def _context_of_checkpoint(folder: Path) -> int:
    config = folder / "config.json"
    try:
        read = json.loads(config.read_text())
    except (OSError, ValueError):
        read = {}
    # Models that also take pictures keep the language model's figures one level down.
    for place in (read, read.get("text_config", {})):
        if isinstance(figure := place.get("max_position_embeddings"), int) and figure > 1:
            return figure
    raise BadSetting(
        f"the parameter CONTEXT_LENGTH of config.pbtxt is missing, and {config} has no max_position_embeddings"
    )

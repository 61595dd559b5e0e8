"""The pipelines of one model by what they do, all on the same weights.

Knows Diffusers' classes and where weights are kept; does not know requests.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

os.environ["HF_HUB_OFFLINE"] = "1"  # read when the library is imported: what is missing here must not be fetched

from diffusers import (
    AutoPipelineForImage2Image,
    AutoPipelineForInpainting,
    AutoPipelineForText2Image,
    DiffusionPipeline,
)

from ..common.images.image_request import Mode
from ..common.settings import BadSetting
from .settings import EngineSettings

Pipelines = dict[Mode, Any]

_MAKERS: dict[Mode, Any] = {
    "text-to-image": AutoPipelineForText2Image,
    "image-to-image": AutoPipelineForImage2Image,
    "inpainting": AutoPipelineForInpainting,
}


def load_pipelines(folder: Path, settings: EngineSettings, device: torch.device) -> Pipelines:
    """Raises BadSetting, or what the library raises."""
    if settings.cpu_offload != "none" and device.type == "cpu":
        raise BadSetting(f"the parameter CPU_OFFLOAD of config.pbtxt is '{settings.cpu_offload}', but there is no GPU")
    loaded = DiffusionPipeline.from_pretrained(
        folder,
        torch_dtype=_dtype(folder, settings, device),
        variant=_variant(folder),
        use_safetensors=True,
        local_files_only=True,
    )
    if settings.cpu_offload == "none":
        loaded.to(device)
    pipelines = _ways_to_use(loaded)
    for pipeline in pipelines.values():
        pipeline.set_progress_bar_config(disable=True)
        if settings.attention_slicing:
            pipeline.enable_attention_slicing()
        if settings.vae_tiling:
            pipeline.vae.enable_tiling()
        if settings.cpu_offload == "model":
            pipeline.enable_model_cpu_offload(device=device)
        elif settings.cpu_offload == "sequential":
            pipeline.enable_sequential_cpu_offload(device=device)
    return pipelines


def _ways_to_use(loaded: Any) -> Pipelines:
    name = type(loaded).__name__
    # Networks of their own, which cannot do without what they were taught with.
    if "Inpaint" in name or "Fill" in name:
        return {"inpainting": loaded}
    if "Img2Img" in name or "Pix2Pix" in name:
        return {"image-to-image": loaded}
    found: Pipelines = {"text-to-image": loaded}
    for mode, maker in _MAKERS.items():
        if mode not in found:
            try:
                found[mode] = maker.from_pipe(loaded)
            except ValueError:  # the family has no such pipeline
                continue
    return found


def _dtype(folder: Path, settings: EngineSettings, device: torch.device) -> torch.dtype:
    if settings.dtype:
        return {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32}[settings.dtype]
    if device.type == "cpu":
        return torch.float32
    # Diffusion transformers were trained in bfloat16 and overflow in float16; U-Nets are the other way round.
    transformer = (folder / "transformer").is_dir()
    return torch.bfloat16 if transformer and torch.cuda.is_bf16_supported() else torch.float16


def _variant(folder: Path) -> str | None:
    """The variant in the names of the weight files, where a component has no plain ones."""
    for part in sorted(path for path in folder.iterdir() if path.is_dir() and path.name != "adapters"):
        names = [path.name for path in part.glob("*.safetensors")]
        for variant in ("fp16", "bf16"):
            if names and all(f".{variant}" in name for name in names):
                return variant
    return None

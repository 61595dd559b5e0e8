"""The pipelines of one model by what they do, all on the same weights.

Knows OpenVINO GenAI's classes and the files of an exported pipeline; does not know requests.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openvino_genai as genai

from ..common.images.image_request import Mode

Pipelines = dict[Mode, Any]

_CLASSES: dict[Mode, Any] = {
    "text-to-image": genai.Text2ImagePipeline,
    "image-to-image": genai.Image2ImagePipeline,
    "inpainting": genai.InpaintingPipeline,
}
# Models with a network of their own for filling in: they cannot do without a mask.
_FILLS_IN_ONLY = ("StableDiffusionInpaintPipeline", "StableDiffusionXLInpaintPipeline", "FluxFillPipeline")


def load_pipelines(folder: Path, device: str, properties: dict[str, Any]) -> Pipelines:
    """Raises RuntimeError with the library's own words, OSError, or ValueError."""
    name = json.loads((folder / "model_index.json").read_text(encoding="utf-8")).get("_class_name")
    if name in _FILLS_IN_ONLY:
        return {"inpainting": genai.InpaintingPipeline(folder, device, **properties)}
    # Made from one another, the pipelines of these two families end the process at the first picture.
    if name == "StableDiffusion3Pipeline":
        return _of_stable_diffusion_3(folder, device, properties)
    if name == "FluxPipeline":
        return _of_flux(folder, device, properties)
    fills = genai.InpaintingPipeline(folder, device, **properties)  # the only one that the others can be made from
    changes = genai.Image2ImagePipeline(fills)
    return {"inpainting": fills, "image-to-image": changes, "text-to-image": genai.Text2ImagePipeline(changes)}


def _of_stable_diffusion_3(folder: Path, device: str, properties: dict[str, Any]) -> Pipelines:
    encoders = [
        genai.CLIPTextModelWithProjection(folder / "text_encoder", device, **properties),
        genai.CLIPTextModelWithProjection(folder / "text_encoder_2", device, **properties),
    ]
    if (folder / "text_encoder_3").is_dir():
        encoders.append(genai.T5EncoderModel(folder / "text_encoder_3", device, **properties))
    transformer = genai.SD3Transformer2DModel(folder / "transformer", device, **properties)
    parts = (*encoders, transformer, _vae(folder, device, properties))
    return {mode: kind.stable_diffusion_3(_scheduler(folder), *parts) for mode, kind in _CLASSES.items()}


def _of_flux(folder: Path, device: str, properties: dict[str, Any]) -> Pipelines:
    parts = (
        genai.CLIPTextModel(folder / "text_encoder", device, **properties),
        genai.T5EncoderModel(folder / "text_encoder_2", device, **properties),
        genai.FluxTransformer2DModel(folder / "transformer", device, **properties),
        _vae(folder, device, properties),
    )
    return {mode: kind.flux(_scheduler(folder), *parts) for mode, kind in _CLASSES.items()}


def _vae(folder: Path, device: str, properties: dict[str, Any]) -> genai.AutoencoderKL:
    return genai.AutoencoderKL(folder / "vae_encoder", folder / "vae_decoder", device, **properties)


def _scheduler(folder: Path) -> genai.Scheduler:
    """One for each pipeline: it keeps the state of a drawing."""
    return genai.Scheduler.from_config(folder / "scheduler" / "scheduler_config.json")

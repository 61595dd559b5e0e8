"""Pictures by Diffusers on PyTorch: one model, and the pipelines that it can be.

Knows the library; does not know Triton.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from ..common.failures import Refused
from ..common.images.backend import LoadFailed
from ..common.images.image_request import Abilities, ImageRequest
from ..common.images.studio import OnStep
from ..common.settings import BadSetting, Parameters
from .pipelines import Pipelines, load_pipelines
from .settings import EngineSettings, read_engine_settings


def load(folder: Path, parameters: Parameters) -> DiffusersPainter:
    """The model of a version folder. Raises BadSetting or LoadFailed."""
    settings = read_engine_settings(parameters)
    device = _device(settings)
    try:
        return DiffusersPainter(folder, settings, device)
    except (RuntimeError, OSError, ValueError, KeyError, ImportError, AttributeError) as error:
        raise LoadFailed(f"Diffusers cannot load the model in {folder}: {error}") from error


class _Stopped(Exception):
    """Nobody wants the picture any more."""


class DiffusersPainter:
    """A `Painter`."""

    def __init__(self, folder: Path, settings: EngineSettings, device: torch.device) -> None:
        self._pipelines: Pipelines = load_pipelines(folder, settings, device)
        # PEFT makes names of modules of them, where a dot would mean something else.
        paths = sorted(folder.glob("adapters/*.safetensors"))
        self._adapters = {path.stem: f"adapter_{number}" for number, path in enumerate(paths)}
        first = next(iter(self._pipelines.values()))
        for path in paths:
            first.load_lora_weights(path.parent, weight_name=path.name, adapter_name=self._adapters[path.stem])
        self.abilities = Abilities(frozenset(self._pipelines), frozenset(self._adapters))

    def draw(self, request: ImageRequest, seed: int, on_step: OnStep) -> Image.Image:
        pipeline = self._pipelines[request.mode]
        self._use_adapters(pipeline, request)
        takes = inspect.signature(type(pipeline).__call__).parameters
        options = _options(request, takes)

        def after(pipe: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            if on_step((step + 1) / max(pipe.num_timesteps, step + 1)):
                raise _Stopped
            return tensors

        if "callback_on_step_end" in takes:
            options["callback_on_step_end"] = after
        # The generator is the CPU's on every device, so that a seed gives the same noise everywhere.
        options["generator"] = torch.Generator("cpu").manual_seed(seed)
        try:
            with torch.inference_mode():
                made = pipeline(**options)
        except _Stopped:
            return Image.new("RGB", (1, 1))  # not looked at
        if any(getattr(made, "nsfw_content_detected", None) or ()):
            raise Refused("the model's own safety checker took offence at the picture; change the prompt or the seed")
        picture: Image.Image = made.images[0]
        return picture

    def _use_adapters(self, pipeline: Any, request: ImageRequest) -> None:
        if not self._adapters:
            return
        if not request.lora:
            pipeline.disable_lora()
            return
        pipeline.enable_lora()
        pipeline.set_adapters([self._adapters[name] for name in request.lora], list(request.lora.values()))


def _options(request: ImageRequest, takes: Any) -> dict[str, Any]:
    """The arguments of the pipeline's call, of those that it takes."""
    options: dict[str, Any] = {"prompt": request.prompt, "num_inference_steps": request.steps}
    for name, value in (("width", request.width), ("height", request.height), ("guidance_scale", request.guidance)):
        if name in takes:  # a pipeline that changes an image may take its size from it
            options[name] = value
    if request.negative_prompt is not None:
        if "negative_prompt" not in takes:
            raise Refused("'negative_prompt' cannot be honoured: this model has no negative prompt")
        options["negative_prompt"] = request.negative_prompt
    if request.image is not None:
        options["image"] = request.image
        if "strength" in takes:
            options["strength"] = request.strength
    if request.mask is not None:
        options["mask_image"] = request.mask
    return options


def _device(settings: EngineSettings) -> torch.device:
    if not settings.device:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(settings.device)
    except RuntimeError:
        raise BadSetting(f"the parameter DEVICE of config.pbtxt is '{settings.device}', which is no device") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise BadSetting(
            f"the parameter DEVICE of config.pbtxt is '{settings.device}', but PyTorch sees "
            f"{torch.cuda.device_count()} CUDA devices"
        )
    return device

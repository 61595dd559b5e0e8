"""Pictures by OpenVINO GenAI: one model, and the pipelines that it can be.

Knows the library; does not know Triton. `generate` gives Python's lock free while it computes, so a thread is enough.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import openvino_genai as genai
from PIL import Image

from ..common.images.backend import LoadFailed
from ..common.images.image_request import Abilities, ImageRequest
from ..common.images.studio import OnStep
from ..common.settings import Parameters
from .pipelines import Pipelines, load_pipelines
from .settings import EngineSettings, read_engine_settings


def load(folder: Path, parameters: Parameters) -> OpenVinoPainter:
    """The model of a version folder. Raises BadSetting or LoadFailed."""
    return OpenVinoPainter(folder, read_engine_settings(parameters))


class OpenVinoPainter:
    """A `Painter`."""

    def __init__(self, folder: Path, settings: EngineSettings) -> None:
        try:
            self._adapters = {path.stem: genai.Adapter(path) for path in sorted(folder.glob("adapters/*.safetensors"))}
            properties = dict(settings.properties)
            if self._adapters:
                properties["adapters"] = genai.AdapterConfig(list(self._adapters.values()))
            self._pipelines: Pipelines = load_pipelines(folder, settings.device, properties)
        except (RuntimeError, OSError, ValueError) as error:
            raise LoadFailed(f"OpenVINO cannot load the model in {folder}: {error}") from error
        self.abilities = Abilities(frozenset(self._pipelines), frozenset(self._adapters))

    def draw(self, request: ImageRequest, seed: int, on_step: OnStep) -> Image.Image:
        def after(step: int, steps: int, latent: Any) -> bool:
            return on_step((step + 1) / steps)

        options: dict[str, Any] = {
            "width": request.width,
            "height": request.height,
            "num_inference_steps": request.steps,
            "guidance_scale": request.guidance,
            # Not rng_seed: a pipeline makes its generator once, and a second picture would go on in its numbers.
            "generator": genai.CppStdGenerator(seed),
            "callback": after,
        }
        if request.negative_prompt is not None:
            options["negative_prompt"] = request.negative_prompt
        if self._adapters:
            chosen = [(self._adapters[name], scale) for name, scale in request.lora.items()]
            options["adapters"] = genai.AdapterConfig(chosen) if chosen else genai.AdapterConfig()
        pictures = []
        if request.image is not None:
            options["strength"] = request.strength
            pictures.append(_tensor(request.image))
        if request.mask is not None:
            pictures.append(_tensor(request.mask.convert("RGB")))
        made = self._pipelines[request.mode].generate(request.prompt, *pictures, **options).data
        # A stopped drawing gives an empty tensor, which nobody looks at.
        return Image.fromarray(np.array(made[0])) if made.size else Image.new("RGB", (1, 1))


def _tensor(picture: Image.Image) -> ov.Tensor:
    return ov.Tensor(np.array(picture, dtype=np.uint8)[None])

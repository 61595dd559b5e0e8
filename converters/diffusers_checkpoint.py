"""What a Diffusers pipeline is: its class, its components, its sizes, and what is missing or damaged.

Reads configurations and headers of weights; loads nothing and needs no PyTorch.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from converters.safetensors_header import read_safetensors
from converters.source import Checkpoint
from modelyard.errors import BadCheckpoint, ModelyardError, WeightsDamaged

Family = Literal["sd", "lcm", "sdxl", "sd3", "flux", "flux-fill", "other"]

_FAMILIES: dict[str, Family] = {
    "StableDiffusionPipeline": "sd",
    "StableDiffusionInpaintPipeline": "sd",
    "LatentConsistencyModelPipeline": "lcm",
    "StableDiffusionXLPipeline": "sdxl",
    "StableDiffusionXLInpaintPipeline": "sdxl",
    "StableDiffusion3Pipeline": "sd3",
    "FluxPipeline": "flux",
    "FluxFillPipeline": "flux-fill",
}
# Steps and guidance of the library that each family was published with.
_DEFAULTS: dict[Family, tuple[int, float]] = {
    "sd": (50, 7.5),
    "lcm": (4, 8.5),
    "sdxl": (50, 5.0),
    "sd3": (28, 7.0),
    "flux": (28, 3.5),
    "flux-fill": (50, 30.0),
    "other": (50, 7.5),
}
# Each tokenizer with the encoder that it writes for.
TOKENIZERS = {"tokenizer": "text_encoder", "tokenizer_2": "text_encoder_2", "tokenizer_3": "text_encoder_3"}
_T5_TOKENS = 512  # its positions are relative; this is what image models were trained with at most
_NO_NEGATIVE_PROMPT = ("lcm", "flux", "flux-fill")
_WITHOUT_WEIGHTS = ("tokenizer", "scheduler", "feature_extractor", "image_processor", "processor")
_NUMBER_TYPES = {"F32": "fp32", "F16": "fp16", "BF16": "bf16"}


@dataclass(frozen=True)
class Pipeline:
    """`components` are those that the pipeline has, with the library and the class of each.

    `steps`, `guidance`, `width` and `height` are for requests that name none; `multiple` is what sizes must be a
    multiple of; `bytes` and `parameters` count the weights. `problems` are all that was found wrong.
    """

    name: str
    family: Family
    components: Mapping[str, tuple[str, str]]
    parameters: int
    bytes: int
    number_type: str
    steps: int
    guidance: float
    width: int
    height: int
    multiple: int
    negative_prompt: bool
    problems: tuple[ModelyardError, ...] = ()


def read_pipeline(checkpoint: Checkpoint) -> Pipeline:
    """Everything that model_index.json, the components' configurations and the weights' headers say."""
    index = checkpoint.config
    name = str(index.get("_class_name", "unknown"))
    family = _FAMILIES.get(name, "other")
    components = _components(index)
    weights = _Weights(checkpoint, components)
    steps, guidance = _pace(checkpoint, family)
    side, multiple = _size(checkpoint, family)
    return Pipeline(
        name=name,
        family=family,
        components=components,
        parameters=weights.parameters,
        bytes=weights.bytes,
        number_type=weights.number_type,
        steps=steps,
        guidance=guidance,
        width=side,
        height=side,
        multiple=multiple,
        negative_prompt=family not in _NO_NEGATIVE_PROMPT,
        problems=(*_about_index(checkpoint, components), *weights.problems),
    )


def request_defaults(pipeline: Pipeline) -> dict[str, str]:
    """What an image backend is told of requests, as parameters of config.pbtxt."""
    return {
        "DEFAULT_STEPS": str(pipeline.steps),
        "DEFAULT_GUIDANCE": f"{pipeline.guidance:g}",
        "DEFAULT_WIDTH": str(pipeline.width),
        "DEFAULT_HEIGHT": str(pipeline.height),
        "SIZE_MULTIPLE": str(pipeline.multiple),
        "NEGATIVE_PROMPT": "true" if pipeline.negative_prompt else "false",
    }


def component_files(checkpoint: Checkpoint, component: str) -> list[str]:
    """The files of a component, as names below the checkpoint's folder."""
    return [name for name in checkpoint.files if PurePosixPath(name).parts[0] == component and "/" in name]


def bounded_tokenizers(checkpoint: Checkpoint) -> dict[str, str]:
    """The text of each tokenizer_config.json that names no length, with the one that its encoder can take.

    Many checkpoints leave it out; "no limit" then overflows in the tokenizers of both engines.
    """
    found = {}
    for tokenizer, encoder in TOKENIZERS.items():
        name = f"{tokenizer}/tokenizer_config.json"
        network = checkpoint.read_json(f"{encoder}/config.json")
        longest = network.get("max_position_embeddings") or (_T5_TOKENS if network.get("model_type") == "t5" else None)
        if name not in checkpoint.files or not isinstance(longest, int):
            continue
        config = checkpoint.read_json(name)
        given = config.get("model_max_length")
        if not isinstance(given, int) or given > longest:
            found[name] = json.dumps({**config, "model_max_length": longest}, indent=2) + "\n"
    return found


def variant_of(checkpoint: Checkpoint) -> str | None:
    """The variant (fp16, bf16) in the names of the weight files, where a component has no plain ones."""
    for component in _components(checkpoint.config):
        names = [name for name in component_files(checkpoint, component) if name.endswith(".safetensors")]
        for variant in ("fp16", "bf16"):
            if names and all(f".{variant}" in PurePosixPath(name).name for name in names):
                return variant
    return None


def _components(index: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    found = {}
    for name, value in index.items():
        listed = isinstance(value, list) and len(value) == 2 and all(isinstance(each, str) for each in value)
        if listed and PurePosixPath(name).name == name:
            found[name] = (value[0], value[1])
    return found


def _about_index(checkpoint: Checkpoint, components: Mapping[str, tuple[str, str]]) -> list[ModelyardError]:
    where = checkpoint.folder
    if not isinstance(checkpoint.config.get("_class_name"), str):
        return [BadCheckpoint(f"model_index.json in {where} names no pipeline (_class_name)")]
    if not components:
        return [BadCheckpoint(f"model_index.json in {where} names no components")]
    missing = [name for name in components if not component_files(checkpoint, name)]
    if not missing:
        return []
    return [
        BadCheckpoint(
            f"the pipeline in {where} has no {' and no '.join(missing)}, which model_index.json names",
            hint="download or copy the checkpoint again",
        )
    ]


class _Weights:
    """The sum of all components' safetensors, each held against its own header."""

    def __init__(self, checkpoint: Checkpoint, components: Mapping[str, tuple[str, str]]) -> None:
        self.parameters = self.bytes = 0
        self.problems: list[ModelyardError] = []
        types: Counter[str] = Counter()
        for component in components:
            if component.startswith(_WITHOUT_WEIGHTS):
                continue
            names = [name for name in component_files(checkpoint, component) if name.endswith(".safetensors")]
            if not names and component_files(checkpoint, component):
                self.problems.append(
                    WeightsDamaged(f"{component}/", "there are no safetensors, and pickled weights are not read")
                )
            for name in [*names, *_missing_shards(checkpoint, component, names)]:
                self._add(checkpoint.folder, name, types)
        self.number_type = _NUMBER_TYPES.get(types.most_common(1)[0][0], "fp32") if types else "fp32"

    def _add(self, folder: Path, name: str, types: Counter[str]) -> None:
        try:
            tensors = read_safetensors(folder / name)
            self.bytes += (folder / name).stat().st_size
        except FileNotFoundError:
            self.problems.append(WeightsDamaged(name, "the file is missing"))
        except (OSError, ValueError) as error:
            self.problems.append(WeightsDamaged(name, str(error)))
        else:
            for tensor in tensors.values():
                types[tensor.type] += tensor.parameters
                self.parameters += tensor.parameters


def _missing_shards(checkpoint: Checkpoint, component: str, names: Sequence[str]) -> list[str]:
    """Files that an index of shards names and that are not there."""
    named: set[str] = set()
    for index in component_files(checkpoint, component):
        if index.endswith(".safetensors.index.json"):
            shards = checkpoint.read_json(index).get("weight_map")
            shards = shards.values() if isinstance(shards, dict) else ()
            # Variants (fp16 ...) have indexes of their own; the files of one that was left out are not missing.
            chosen = {f"{component}/{PurePosixPath(str(shard)).name}" for shard in shards}
            named |= chosen if chosen & set(names) or not names else set()
    return sorted(named - set(names))


def _pace(checkpoint: Checkpoint, family: Family) -> tuple[int, float]:
    """Steps and guidance; models that were taught to need few steps show it in their configuration."""
    steps, guidance = _DEFAULTS[family]
    if family == "flux" and checkpoint.read_json("transformer/config.json").get("guidance_embeds") is False:
        return 4, 0.0  # schnell: its network takes no guidance
    scheduler = checkpoint.read_json("scheduler/scheduler_config.json")
    turbo = (
        family in ("sd", "sdxl")
        and str(scheduler.get("_class_name", "")).startswith("Euler")
        and scheduler.get("timestep_spacing") == "trailing"
        and not scheduler.get("rescale_betas_zero_snr")
    )
    return (4, 0.0) if turbo else (steps, guidance)


def _size(checkpoint: Checkpoint, family: Family) -> tuple[int, int]:
    """The side of a square picture that the model was made for, and what sizes must be a multiple of."""
    # Exported to OpenVINO, the two halves of the VAE are components of their own.
    vae = checkpoint.read_json("vae/config.json") or checkpoint.read_json("vae_decoder/config.json")
    levels = vae.get("block_out_channels")
    scale = 2 ** (len(levels) - 1) if isinstance(levels, list) and 1 <= len(levels) <= 8 else 8
    multiple = scale if family in ("sd", "lcm", "sdxl") else 2 * scale  # transformers see patches of 2 x 2
    if family in ("flux", "flux-fill"):
        return 1024, multiple
    network = "transformer" if "transformer" in checkpoint.config else "unet"
    sample = checkpoint.read_json(f"{network}/config.json").get("sample_size")
    side = sample * scale if isinstance(sample, int) and 0 < sample <= 1024 else 512
    return max(multiple, side // multiple * multiple), multiple

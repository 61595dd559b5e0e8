"""Exports a Diffusers pipeline to OpenVINO IR with its tokenizers, by optimum-intel and NNCF.

Gives what the image pipelines of OpenVINO GenAI load; knows nothing of entries. Heavy imports are inside functions.
"""

from __future__ import annotations

import gc
import json
import shutil
from collections.abc import Callable
from pathlib import Path

from converters.compression import compress
from converters.diffusers_checkpoint import TOKENIZERS, bounded_tokenizers, read_pipeline, request_defaults, variant_of
from converters.exporting import exporting
from converters.linking import link_or_copy
from converters.lora import write_adapters
from converters.no_random_weights import no_random_weights
from converters.plan import ConversionPlan
from converters.precision import RECIPES
from converters.source import Checkpoint
from modelyard.errors import BadCheckpoint, TokenizerMissing
from modelyard.manifest import NotMeasured

BACKEND = "openvino_images"
TOOLS = ("openvino", "openvino-tokenizers", "optimum-intel", "nncf", "diffusers", "transformers", "torch")

# Seen to be exported by optimum-intel 2.2 and drawn with by OpenVINO GenAI 2026.4.
_EXPORTED = (
    "StableDiffusionPipeline",
    "StableDiffusionInpaintPipeline",
    "StableDiffusionXLPipeline",
    "StableDiffusion3Pipeline",
    "LatentConsistencyModelPipeline",
    "FluxPipeline",
)
# The networks that hold nearly all of the weights; the others lose more by 4 bits than they save.
_LARGE = ("unet", "transformer", "text_encoder_2", "text_encoder_3")
# Of a component that OpenVINO GenAI has no use for, not even the weights are read.
_NOT_USED = ("safety_checker", "feature_extractor", "image_encoder")
# The others' pipelines are put together from their parts, which take no adapters.
_WITH_ADAPTERS = ("sd", "lcm", "sdxl")
_ELSEWHERE = "Diffusers on PyTorch serves it as it is, on CUDA and on a CPU: --target triton-diffusers"


def refusal(checkpoint: Checkpoint) -> str | None:
    """Why this pipeline cannot be exported, and what serves it instead; None when it can be exported."""
    name = str(checkpoint.config.get("_class_name"))
    if name not in _EXPORTED:
        return f"the pipeline '{name}' has no counterpart here in OpenVINO GenAI. {_ELSEWHERE}"
    if "image_encoder" in read_pipeline(checkpoint).components:
        return f"OpenVINO GenAI takes no image prompts, for which this pipeline has an image encoder. {_ELSEWHERE}"
    return None


def backend_parameters(plan: ConversionPlan) -> dict[str, str]:
    """The device, and what requests get that do not say otherwise."""
    return {"DEVICE": plan.device, **request_defaults(read_pipeline(plan.checkpoint))}


def measure(plan: ConversionPlan, folder: Path) -> NotMeasured:
    return NotMeasured("two engines draw their noise from different generators, so no two pictures can be compared")


def export(
    plan: ConversionPlan, folder: Path, scratch: Path, *, on_step: Callable[[str], None], show: bool = False
) -> None:
    """Write the pipeline's files into `folder`; `scratch` takes what lies between. Raises ConversionFailed."""
    pipeline = read_pipeline(plan.checkpoint)
    if plan.adapters and pipeline.family not in _WITH_ADAPTERS:
        raise BadCheckpoint(f"OpenVINO GenAI takes no adapters for {pipeline.name} here", hint=_ELSEWHERE)
    log = scratch / "export.log"
    with (
        exporting(f"optimum-intel could not export {plan.architecture}", log, show=show),
        no_random_weights(plan.checkpoint.folder),
    ):
        made = _export(plan, scratch, on_step)
    for name in TOKENIZERS:
        if (made / name).is_dir() and not (made / name / "openvino_tokenizer.xml").is_file():
            raise TokenizerMissing(plan.checkpoint.folder, f"openvino-tokenizers cannot convert {name}")
    for part in sorted(made.iterdir()):
        part.replace(folder / part.name)
    if plan.adapters:
        write_adapters(plan.adapters, plan.checkpoint, folder / "adapters")


def _export(plan: ConversionPlan, scratch: Path, on_step: Callable[[str], None]) -> Path:
    """The folder with all networks in their final precision, and everything that the exporter wrote beside them."""
    import warnings

    from optimum.exporters.openvino import main_export
    from optimum.intel import OVConfig

    warnings.simplefilter("ignore")  # the tracer's, one for every Python branch in the model
    original = _prepared(plan.checkpoint, scratch / "original")
    made = scratch / "pipeline"
    on_step("export")
    main_export(
        str(original),
        made,
        task="text-to-image",  # of every family: a network that fills in shows it by its inputs
        # Without an OVConfig, optimum compresses models of 1 B parameters and more to 8 bits and says nothing.
        ov_config=OVConfig(dtype="fp16"),
        library_name="diffusers",
        local_files_only=True,
        variant=variant_of(plan.checkpoint),
        convert_tokenizer=True,
    )
    gc.collect()
    shutil.rmtree(original)
    if plan.precision != "fp16":
        on_step("compress")
        for network in sorted(made.glob("*/openvino_model.xml")):
            recipe = plan.precision if network.parent.name in _LARGE else "int8"
            compress(network, RECIPES[recipe])
    return made


def _prepared(checkpoint: Checkpoint, folder: Path) -> Path:
    """The checkpoint's files once more, without what is not exported and with lengths that can be exported."""
    for name in checkpoint.files:
        if name.split("/")[0] in _NOT_USED:
            continue
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if name == "model_index.json":
            unused = {part: [None, None] for part in _NOT_USED if part in checkpoint.config}
            index = {**checkpoint.config, **unused}
            if "requires_safety_checker" in index:
                index["requires_safety_checker"] = False
            place.write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
        elif name.endswith(".safetensors"):
            place.symlink_to((checkpoint.folder / name).resolve())
        else:
            link_or_copy(checkpoint.folder / name, place)
    for name, text in bounded_tokenizers(checkpoint).items():
        # Not in place: the file may be a second name of one in the hub's cache.
        (folder / name).unlink()
        (folder / name).write_text(text, encoding="utf-8")
    return folder

"""Puts a Diffusers pipeline into an entry as it is: its own files, for PyTorch.

Takes safetensors and texts only, never pickles; knows nothing of entries and imports no PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from converters.diffusers_checkpoint import bounded_tokenizers, read_pipeline, request_defaults
from converters.exporting import exporting
from converters.linking import link_or_copy
from converters.lora import copy_adapters
from converters.plan import ConversionPlan
from modelyard.manifest import NotMeasured

BACKEND = "diffusers"
TOOLS = ("safetensors",)
_TAKEN = (".safetensors", ".json", ".txt", ".model")


def backend_parameters(plan: ConversionPlan) -> dict[str, str]:
    """What requests get that do not say otherwise, and the device where it is not the machine's first GPU."""
    device = plan.device.lower()
    # "CPU" is the plan's word for "nobody said": the backend then takes the GPU that it finds.
    return {
        **({"DEVICE": device} if device.startswith("cuda") else {}),
        **request_defaults(read_pipeline(plan.checkpoint)),
    }


def measure(plan: ConversionPlan, folder: Path) -> NotMeasured:
    return NotMeasured("the weights are the checkpoint's own")


def export(
    plan: ConversionPlan, folder: Path, scratch: Path, *, on_step: Callable[[str], None], show: bool = False
) -> None:
    """Write the pipeline's files into `folder`. Raises ConversionFailed."""
    on_step("link")
    checkpoint = plan.checkpoint
    index, bounded = read_pipeline(checkpoint), bounded_tokenizers(checkpoint)
    with exporting("the checkpoint's files cannot be copied", scratch / "copy.log", show=show):
        for name in checkpoint.files:
            part, _, rest = name.partition("/")
            wanted = name == "model_index.json" or (rest and part in index.components)
            if wanted and name.endswith(_TAKEN):
                place = folder / name
                place.parent.mkdir(parents=True, exist_ok=True)
                if name in bounded:
                    place.write_text(bounded[name], encoding="utf-8")
                else:
                    link_or_copy(checkpoint.folder / name, place)
    if plan.adapters:
        copy_adapters(plan.adapters, folder / "adapters")

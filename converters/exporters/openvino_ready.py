"""OpenVINO IR that somebody has exported already: the files become an entry's as they are.

Knows files; the task's backend finds in them what it needs.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from converters.diffusers_checkpoint import read_pipeline, request_defaults
from converters.encoder_description import FILE as ENCODER_FILE
from converters.encoder_description import describe
from converters.exporting import exporting
from converters.linking import link_or_copy
from converters.network_check import check_networks
from converters.plan import ConversionPlan
from converters.precision import arithmetic
from modelyard.card import ENCODES, GENERATES_TEXT, TEXT_TO_IMAGE
from modelyard.manifest import NotMeasured

TOOLS: tuple[str, ...] = ()


def export(
    plan: ConversionPlan, folder: Path, scratch: Path, *, on_step: Callable[[str], None], show: bool = False
) -> None:
    on_step("link")
    with exporting("the checkpoint's files cannot be copied", scratch / "copy.log", show=show):
        for name in plan.checkpoint.files:
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(plan.checkpoint.folder / name, place)

    if plan.task in ENCODES and ENCODER_FILE not in plan.checkpoint.files:
        describe(plan.checkpoint, plan.task).write(folder)


def backend_parameters(plan: ConversionPlan) -> dict[str, str]:
    if plan.task == TEXT_TO_IMAGE:
        return {"DEVICE": plan.device, **request_defaults(read_pipeline(plan.checkpoint))}
    exact = arithmetic(plan.parameters, plan.device) if plan.task in GENERATES_TEXT else {}
    return {"DEVICE": plan.device, **exact}


def measure(plan: ConversionPlan, folder: Path) -> NotMeasured:
    """There is nothing to compare with; that OpenVINO reads the networks at all is found out. Raises LoadRefused."""
    check_networks(folder, plan.architecture)
    return NotMeasured("the original that this network was exported from is not here")

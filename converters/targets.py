"""What serves an entry, and which of the engines is right when nobody says.

Knows the names of engines and devices; does not know how anything is exported.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from converters.forms import Form
from modelyard.card import GENERATES_TEXT, TEXT_TO_IMAGE
from modelyard.gpus import Gpu

Target = Literal["triton-openvino", "triton-llamacpp", "triton-vllm", "triton-diffusers", "ovms"]
TARGETS: tuple[str, ...] = get_args(Target)

# What somebody may ask for: "auto" measures the engines that could serve the checkpoint on this host.
TargetWish = Literal["auto", "triton-openvino", "triton-llamacpp", "triton-vllm", "triton-diffusers", "ovms"]


def chosen_target(form: Form, task: str, gpus: Sequence[Gpu]) -> tuple[Target, str]:
    """The target and why, for a checkpoint whose user names none."""
    if form == "gguf":
        return "triton-llamacpp", "a GGUF file is served as it is"
    if form in ("openvino", "onnx"):
        return "triton-openvino", ""
    if gpus and task in GENERATES_TEXT:
        return "triton-vllm", f"there is an NVIDIA GPU ({gpus[0].name})"
    if gpus and task == TEXT_TO_IMAGE:
        return "triton-diffusers", f"there is an NVIDIA GPU ({gpus[0].name})"
    return "triton-openvino", ""

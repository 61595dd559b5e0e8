"""What serves an entry, and which of the engines is right when nobody says.

Knows the names of engines and devices; does not know how anything is exported.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from converters.forms import Form
from modelyard.card import IMAGE_TEXT_TO_TEXT, TEXT_GENERATION, TEXT_TO_IMAGE
from modelyard.gpus import Gpu

Target = Literal["triton-openvino", "triton-llamacpp", "triton-vllm", "triton-diffusers", "ovms"]
TARGETS: tuple[str, ...] = get_args(Target)

# What somebody may ask for: "auto" measures the engines that could serve the checkpoint on this host.
TargetWish = Literal["auto", "triton-openvino", "triton-llamacpp", "triton-vllm", "triton-diffusers", "ovms"]


# What serves a task on an NVIDIA GPU.
_ON_CUDA: dict[str, Target] = {
    TEXT_GENERATION: "triton-vllm",
    IMAGE_TEXT_TO_TEXT: "triton-vllm",
    TEXT_TO_IMAGE: "triton-diffusers",
}


def chosen_target(form: Form, task: str, gpus: Sequence[Gpu], *, served_here: bool = False) -> tuple[Target, str]:
    """The target and why, for a checkpoint whose user names none.

    `served_here`: by the Triton of this installation, which runs on processors and Intel's devices, whatever is found.
    """
    if form == "gguf":
        return "triton-llamacpp", "a GGUF file is served as it is"
    if form in ("openvino", "onnx") or not gpus or task not in _ON_CUDA:
        return "triton-openvino", ""
    target, found = _ON_CUDA[task], f"there is an NVIDIA GPU ({gpus[0].name})"
    if served_here:
        engine = target.removeprefix("triton-")
        return (
            "triton-openvino",
            f"{found}, but no {engine} in the Triton that `modelyard serve` starts; for another one: --target {target}",
        )
    return target, found

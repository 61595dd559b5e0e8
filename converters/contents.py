"""What is in a checkpoint: parameters, bytes, architecture, context, number type; whatever form it has.

Reads headers and configurations; loads nothing and needs no PyTorch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from converters.model_card import context_length
from converters.precision import Precision, closest_to_gguf
from converters.source import Checkpoint
from converters.tasks import architecture_of, is_quantized
from converters.weights import inspect
from modelyard.errors import BadCheckpoint, ModelyardError

_NUMBER_TYPES = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}


@dataclass(frozen=True)
class Contents:
    """`figures` are those of the language model that tell how large its cache is (hidden size, layers, heads).

    `quantization` is how the weights were compressed before, `closest_precision` the one of ours that is closest to
    it, where the weights have to be compressed anew. `problems` are all that was found wrong.
    """

    architecture: str
    parameters: int
    bytes: int
    context_length: int | None
    number_type: str
    quantization: str | None = None
    closest_precision: Precision | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[ModelyardError, ...] = ()


def look_into(checkpoint: Checkpoint) -> Contents:
    """Everything that headers and configurations say."""
    if checkpoint.form == "gguf":
        return _of_gguf(checkpoint)
    if checkpoint.form == "openvino":
        from converters.ready_ir import look_into_ir

        return look_into_ir(checkpoint)
    if checkpoint.form == "diffusers":
        return _of_pipeline(checkpoint)
    if checkpoint.form == "onnx":
        return _of_onnx(checkpoint)
    weights = inspect(checkpoint)
    return Contents(
        architecture=architecture_of(checkpoint),
        parameters=weights.parameters,
        bytes=weights.bytes,
        context_length=context_length(checkpoint),
        number_type=_number_type(checkpoint.config),
        quantization=is_quantized(checkpoint),
        figures=checkpoint.text_config,
        problems=weights.problems,
    )


def _of_gguf(checkpoint: Checkpoint) -> Contents:
    from converters.gguf import read_header

    try:
        header = read_header(checkpoint.gguf)
    except BadCheckpoint as damaged:
        return Contents("unknown", 0, 0, None, "gguf", problems=(damaged,))
    return Contents(
        architecture=header.architecture,
        parameters=header.parameters,
        bytes=sum((checkpoint.folder / name).stat().st_size for name in checkpoint.files),
        context_length=header.context_length,
        number_type=header.quantization,
        quantization=header.quantization,
        closest_precision=closest_to_gguf(header.quantization),
        figures=header.figures,
    )


def _of_pipeline(checkpoint: Checkpoint) -> Contents:
    from converters.diffusers_checkpoint import read_pipeline

    pipeline = read_pipeline(checkpoint)
    return Contents(
        architecture=architecture_of(checkpoint),
        parameters=pipeline.parameters,
        bytes=pipeline.bytes,
        context_length=None,
        number_type=pipeline.number_type,
        problems=pipeline.problems,
    )


def _of_onnx(checkpoint: Checkpoint) -> Contents:
    sizes = [(checkpoint.folder / name).stat().st_size for name in checkpoint.files if ".onnx" in name]
    return Contents(
        architecture=architecture_of(checkpoint),
        parameters=sum(sizes) // 4,  # 32-bit as a rule; only ONNX's own library could tell
        bytes=sum(sizes),
        context_length=context_length(checkpoint),
        number_type="fp32",
        figures=checkpoint.text_config,
    )


def _number_type(config: Mapping[str, Any]) -> str:
    named = config.get("dtype") or config.get("torch_dtype")
    return _NUMBER_TYPES.get(str(named).removeprefix("torch."), str(named or "fp32"))

"""What a conversion will do, complete before the first byte moves, or every reason why it cannot be done, at once.

Looks at files, the machine and a list of architectures that it is given; imports no exporter and no PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from converters.adapters import contents_of_adapter
from converters.contents import Contents, look_into
from converters.encoder_description import describe
from converters.precision import NPU_PRECISIONS, RECIPES, Device, Precision, arithmetic, chosen_precision
from converters.reasons import about_adapters, about_calibration, about_config, about_device, about_tokenizer
from converters.routes import exporter_name
from converters.source import Checkpoint, contents_of, default_name
from converters.targets import Target, chosen_target
from converters.tasks import architecture_of, detect_task
from modelyard import host
from modelyard.card import ENCODES, GENERATES_TEXT, OTHER_NAMES, TASKS
from modelyard.entry import checked_name, staging_root
from modelyard.errors import (
    BadCheckpoint,
    ConversionRefused,
    FieldRefused,
    ModelyardError,
    NotEnoughDisk,
    NotEnoughMemory,
    TaskUnknown,
    UnknownArchitecture,
)
from modelyard.gpus import Gpu
from modelyard.manifest import sha256_of

# What an exporter says of a checkpoint and a task: None when it can export it, else what to tell the user.
Exportable = Callable[[Checkpoint, str, str], "str | None"]

# Exporters that keep the weights as they are: no precision can be asked of them.
AS_THEY_ARE = frozenset({"llamacpp", "vllm", "diffusers", "openvino_ready"})


@dataclass(frozen=True)
class Wishes:
    """What a user asks for; what is None is decided by the plan.

    `adapters` are LoRA adapters by the name that requests will call them, `companions` further checkpoints that an
    export needs (a vocoder), `calibration` a text file for precisions that look at activations, `engine_python` the
    interpreter that has the engines, where a result is measured in one of them. `served_here`: by those engines.
    """

    name: str | None = None
    task: str | None = None
    target: Target | None = None
    precision: Precision | None = None
    device: Device = "CPU"
    context_length: int | None = None
    trust_remote_code: bool = False
    adapters: Mapping[str, Path] = field(default_factory=dict)
    companions: Mapping[str, Path] = field(default_factory=dict)
    calibration: Path | None = None
    gpus: Sequence[Gpu] = ()
    engine_python: Path | None = None
    served_here: bool = False


@dataclass(frozen=True)
class ConversionPlan:
    """Everything that is decided. Reasons are empty where something was asked for; figures are bytes.

    `precision` is one of ours, or the name of what the weights are already where they stay as they are; `quantization`
    is how they were compressed before.
    """

    checkpoint: Checkpoint
    repository: Path
    name: str
    task: str
    target: Target
    target_reason: str
    exporter: str
    architecture: str
    parameters: int
    context_length: int | None
    precision: str
    precision_reason: str
    quantization: str | None
    device: Device
    trust_remote_code: bool
    weights_size: int
    disk_needed: int
    memory_needed: int
    contents: Contents
    adapters: Mapping[str, Path] = field(default_factory=dict)
    companions: Mapping[str, Path] = field(default_factory=dict)
    calibration: Path | None = None
    gpus: Sequence[Gpu] = ()
    engine_python: Path | None = None

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What the result depends on besides the source: two plans with equal settings make equal weights.

        Files are named by their contents, which are read for that once.
        """
        settings: dict[str, Any] = {
            "exporter": self.exporter,
            "task": self.task,
            "target": self.target,
            "precision": self.precision,
            "weights": RECIPES.get(self.precision, {}),
            "device": self.device,
            "context_length": self.context_length,
            "arithmetic": arithmetic(self.parameters, self.device),
            "trust_remote_code": self.trust_remote_code,
        }
        if self.adapters:
            settings["adapters"] = {name: contents_of_adapter(place) for name, place in self.adapters.items()}
        if self.companions:
            settings["companions"] = {name: contents_of(folder) for name, folder in self.companions.items()}
        if self.calibration is not None:
            settings["calibration"] = f"sha256:{sha256_of(self.calibration)}"
        if self.target == "triton-vllm":
            settings["gpus"] = [gpu.name for gpu in self.gpus]
        return settings


def plan_conversion(
    checkpoint: Checkpoint,
    *,
    repository: Path,
    wishes: Wishes | None = None,
    exportable: Exportable | None = None,
    check_host: bool = True,
) -> ConversionPlan:
    """The plan, or the reason against it; ConversionRefused when there are several.

    Without `exportable` the architecture is not looked up, which is all that needs the conversion environment;
    without `check_host` it is not asked whether there is room, which matters only when something will be converted.
    """
    wishes = wishes or Wishes()
    reasons: list[ModelyardError] = []
    wanted = wishes.name if wishes.name is not None else default_name(checkpoint.source.location)
    try:
        checked_name(wanted)
    except ModelyardError as bad_name:
        reasons.append(bad_name)

    contents = look_into(checkpoint)
    reasons += contents.problems
    config_reasons = about_config(checkpoint, contents, trust_remote_code=wishes.trust_remote_code)
    reasons += config_reasons
    task = wishes.task or detect_task(checkpoint) or ""
    task = OTHER_NAMES.get(task, task)
    if task not in TASKS and not config_reasons:
        reasons.append(TaskUnknown(architecture_of(checkpoint), wishes.task, (*TASKS, *OTHER_NAMES)))

    target, target_reason = wishes.target, ""
    if target is None:
        target, target_reason = chosen_target(checkpoint.form, task, wishes.gpus, served_here=wishes.served_here)
    exporter = ""
    if task in TASKS:
        try:
            exporter = exporter_name(target, checkpoint.form, task)
        except ModelyardError as no_route:
            reasons.append(no_route)
    if exporter and not config_reasons:
        reasons += about_tokenizer(checkpoint, task)
        reasons += _about_export(checkpoint, exporter, contents, task, wishes, exportable)

    reasons += about_adapters(wishes.adapters, exporter, target)
    reasons += about_calibration(wishes.calibration)
    parameters = contents.parameters
    precision, why = _precision(wishes, exporter, contents, parameters)
    reasons += about_device(wishes.device, target)
    if "NPU" in wishes.device and exporter not in AS_THEY_ARE and precision not in NPU_PRECISIONS:
        reasons.append(FieldRefused("precision", f"an NPU runs {' or '.join(NPU_PRECISIONS)}, not {precision}"))

    from converters.estimates import disk_of_conversion, memory_of_conversion

    disk = disk_of_conversion(contents, exporter, precision)
    memory = memory_of_conversion(contents, exporter, precision)
    if check_host and (free := host.free_disk(staging_root(repository))) < disk:
        reasons.append(NotEnoughDisk(repository, disk, free))
    if check_host and (free := host.free_memory()) < memory:
        reasons.append(NotEnoughMemory("this conversion", memory, free))

    if len(reasons) == 1:
        raise reasons[0]
    if reasons:
        raise ConversionRefused(checkpoint.source.location, reasons)
    return ConversionPlan(
        checkpoint=checkpoint,
        repository=repository,
        name=wanted,
        task=task,
        target=target,
        target_reason=target_reason,
        exporter=exporter,
        architecture=contents.architecture,
        parameters=parameters,
        context_length=_context(checkpoint, task, wishes, contents),
        precision=precision,
        precision_reason=why,
        quantization=contents.quantization,
        device=wishes.device,
        trust_remote_code=wishes.trust_remote_code,
        weights_size=contents.bytes,
        disk_needed=disk,
        memory_needed=memory,
        contents=contents,
        adapters=wishes.adapters,
        companions=wishes.companions,
        calibration=wishes.calibration,
        gpus=wishes.gpus,
        engine_python=wishes.engine_python,
    )


def _about_export(
    checkpoint: Checkpoint,
    exporter: str,
    contents: Contents,
    task: str,
    wishes: Wishes,
    exportable: Exportable | None,
) -> list[ModelyardError]:
    reasons: list[ModelyardError] = []
    if exporter in AS_THEY_ARE:
        if wishes.precision is not None:
            reasons.append(
                FieldRefused("precision", "this target takes the weights as they are; choose another --target")
            )
    elif contents.quantization is not None and checkpoint.form == "transformers":
        reasons.append(
            BadCheckpoint(
                f"the weights are quantized already ({contents.quantization})",
                hint="convert the original model in 16 or 32 bits, or serve it as it is on CUDA: --target triton-vllm",
            )
        )
    own_code = "auto_map" in checkpoint.config and wishes.trust_remote_code  # its own code decides what it is
    if exporter == "vllm":
        reasons += _about_gpus(checkpoint, contents, task, wishes)
    if exportable is not None and not own_code and (refusal := exportable(checkpoint, exporter, task)) is not None:
        reasons.append(_unknown(checkpoint, contents, task, refusal))
    return reasons


def _about_gpus(checkpoint: Checkpoint, contents: Contents, task: str, wishes: Wishes) -> list[ModelyardError]:
    """Whether vLLM would have room on the GPUs."""
    from converters.exporters.vllm import read_adapters
    from converters.exporters.vllm_arguments import engine_arguments

    try:
        engine_arguments(
            checkpoint,
            contents,
            task,
            gpus=wishes.gpus,
            context_length=wishes.context_length,
            adapters=read_adapters(wishes.adapters),
        )
    except ModelyardError as refused:
        return [refused]
    return []


def _unknown(checkpoint: Checkpoint, contents: Contents, task: str, refusal: str) -> ModelyardError:
    if "auto_map" in checkpoint.config:
        refusal = "its code is in the checkpoint: read it, then pass --trust-remote-code"
    elif task in GENERATES_TEXT:
        refusal += "; a GGUF file of it can be served by llama.cpp, and on CUDA --target triton-vllm may know it"
    return UnknownArchitecture(contents.architecture, hint=refusal)


def _precision(wishes: Wishes, exporter: str, contents: Contents, parameters: int) -> tuple[str, str]:
    if exporter in AS_THEY_ARE:
        return contents.quantization or contents.number_type, ""
    if contents.closest_precision is not None and wishes.precision is None and "NPU" not in wishes.device:
        return contents.closest_precision, f"closest to {contents.quantization}"
    if wishes.precision is None and exporter == "openvino_images" and "NPU" not in wishes.device:
        # A U-Net is mostly convolutions, which 4 bits hurt more than they help.
        return "int8", "pictures lose too much at 4 bits"
    return chosen_precision(wishes.precision, parameters, wishes.device)


def _context(checkpoint: Checkpoint, task: str, wishes: Wishes, contents: Contents) -> int | None:
    """The checkpoint's own, or the shorter one that was asked for."""
    own = contents.context_length
    if task in ENCODES and checkpoint.form != "gguf":
        own = describe(checkpoint, task).max_tokens  # sentence-transformers may cut texts before the model would
    return own if wishes.context_length is None else min(wishes.context_length, own or wishes.context_length)

"""What a conversion will do, complete before the first byte moves, or every reason why it cannot be done, at once.

Looks at files, the machine and a list of architectures that it is given; imports no exporter and no PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converters.model_card import context_length
from converters.precision import (
    BYTES_PER_PARAMETER,
    NPU_PRECISIONS,
    RECIPES,
    Device,
    Precision,
    arithmetic,
    chosen_precision,
)
from converters.source import Checkpoint
from converters.weights import Weights, inspect
from modelyard import host
from modelyard.entry import checked_name, staging_root
from modelyard.errors import (
    BadCheckpoint,
    ConfigMissing,
    ConversionRefused,
    FieldRefused,
    ModelyardError,
    NotEnoughDisk,
    NotEnoughMemory,
    TokenizerMissing,
    UnknownArchitecture,
)

_MiB = 2**20
# The interpreter with PyTorch, optimum and OpenVINO loaded, before any weight.
_LIBRARIES = 900 * _MiB

# What an exporter says of a checkpoint's `model_type`: None when it can export it, else what to tell the user.
Exportable = Callable[[str], "str | None"]


@dataclass(frozen=True)
class ConversionPlan:
    """Everything that is decided. `precision_reason` is empty where the precision was asked for; figures are bytes."""

    checkpoint: Checkpoint
    repository: Path
    name: str
    architecture: str
    parameters: int
    context_length: int | None
    precision: Precision
    precision_reason: str
    device: Device
    trust_remote_code: bool
    weights_size: int
    disk_needed: int
    memory_needed: int

    @property
    def settings(self) -> dict[str, Any]:
        """What the result depends on besides the source: two plans with equal settings make equal weights."""
        return {
            "exporter": "openvino",
            "precision": self.precision,
            "weights": RECIPES[self.precision],
            "device": self.device,
            "arithmetic": arithmetic(self.parameters, self.device),
            "trust_remote_code": self.trust_remote_code,
        }


def default_name(location: str) -> str:
    """The last part of a folder's path or of a hub id."""
    path = Path(location).expanduser()
    return path.resolve().name if path.is_dir() else path.name


def plan_conversion(
    checkpoint: Checkpoint,
    *,
    repository: Path,
    name: str | None = None,
    precision: Precision | None = None,
    device: Device = "CPU",
    trust_remote_code: bool = False,
    exportable: Exportable | None = None,
    check_host: bool = True,
) -> ConversionPlan:
    """The plan, or the reason against it; ConversionRefused when there are several.

    Without `exportable` the architecture is not looked up, which is all that needs the conversion environment;
    without `check_host` it is not asked whether there is room, which matters only when something will be converted.
    """
    reasons: list[ModelyardError] = []
    wanted = name if name is not None else default_name(checkpoint.source.location)
    try:
        checked_name(wanted)
    except ModelyardError as bad_name:
        reasons.append(bad_name)

    weights = inspect(checkpoint)
    reasons += _about_config(checkpoint, trust_remote_code=trust_remote_code, exportable=exportable)
    reasons += weights.problems
    reasons += _about_tokenizer(checkpoint)

    parameters = weights.parameters or weights.bytes // 2  # pickled files do not tell; they are 16-bit as a rule
    chosen, why = chosen_precision(precision, parameters, device)
    if device == "NPU" and chosen not in NPU_PRECISIONS:
        reasons.append(FieldRefused("precision", f"an NPU runs {' or '.join(NPU_PRECISIONS)}, not {chosen}"))

    disk, memory = _disk_needed(weights, parameters, chosen), _memory_needed(weights)
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
        architecture=architecture_of(checkpoint),
        parameters=parameters,
        context_length=context_length(checkpoint),
        precision=chosen,
        precision_reason=why,
        device=device,
        trust_remote_code=trust_remote_code,
        weights_size=weights.bytes,
        disk_needed=disk,
        memory_needed=memory,
    )


def architecture_of(checkpoint: Checkpoint) -> str:
    """The class that config.json names, or its model type."""
    named = checkpoint.config.get("architectures")
    return str(named[0]) if isinstance(named, list) and named else str(checkpoint.config.get("model_type", "unknown"))


def _about_config(
    checkpoint: Checkpoint, *, trust_remote_code: bool, exportable: Exportable | None
) -> list[ModelyardError]:
    if "config.json" not in checkpoint.files:
        return [ConfigMissing(checkpoint.folder)]
    config, architecture = checkpoint.config, architecture_of(checkpoint)
    if not config:
        return [BadCheckpoint(f"config.json in {checkpoint.folder} is not a JSON object")]
    reasons: list[ModelyardError] = []
    quantized = config.get("quantization_config")
    if isinstance(quantized, dict):
        method = quantized.get("quant_method", "an unknown method")
        reasons.append(
            BadCheckpoint(
                f"the weights are quantized already ({method})", hint="convert the original model in 16 or 32 bits"
            )
        )
    if "auto_map" in config and trust_remote_code:
        return reasons  # its own code decides what it is
    named = config.get("architectures")
    another_task = isinstance(named, list) and named and not architecture.endswith(("ForCausalLM", "LMHeadModel"))
    if another_task or config.get("is_encoder_decoder"):
        return [*reasons, UnknownArchitecture(architecture, hint="causal language models can be converted so far")]
    model_type = config.get("model_type")
    if not isinstance(model_type, str):
        return [*reasons, UnknownArchitecture(architecture, hint="config.json has no model_type")]
    refusal = exportable(model_type) if exportable is not None else None
    if refusal is not None:
        if "auto_map" in config:
            refusal = "its code is in the checkpoint: read it, then pass --trust-remote-code"
        reasons.append(UnknownArchitecture(architecture, hint=refusal))
    return reasons


def _about_tokenizer(checkpoint: Checkpoint) -> list[ModelyardError]:
    files = set(checkpoint.files)
    if "tokenizer.json" in files:
        if "model" not in checkpoint.read_json("tokenizer.json"):
            return [TokenizerMissing(checkpoint.folder, "tokenizer.json cannot be read")]
        return []
    if {"vocab.json", "merges.txt"} <= files:
        return []
    if "tokenizer.model" in files:
        return [TokenizerMissing(checkpoint.folder, "there is only tokenizer.model, which is read by slow tokenizers")]
    return [TokenizerMissing(checkpoint.folder)]


def _disk_needed(weights: Weights, parameters: int, precision: Precision) -> int:
    # The uncompressed export and the compressed one lie side by side for a while.
    return weights.bytes + int(parameters * BYTES_PER_PARAMETER[precision]) + 64 * _MiB


def _memory_needed(weights: Weights) -> int:
    # Measured: an export of 0.9 GiB of weights took 1.3 GiB above the libraries, and as much of mapped files.
    return _LIBRARIES + int(1.5 * weights.bytes)

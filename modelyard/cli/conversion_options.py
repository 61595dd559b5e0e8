"""The options of `convert`, `pull` and `plan`, each with its sentence for the help.

Knows words; does not know what a command does with them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import typer

Precision = Literal["int4", "int4-cw", "int4-awq", "int8", "fp16", "nf4", "mxfp4"]
ProgressForm = Literal["people", "json"]
TargetWish = Literal["auto", "triton-openvino", "triton-llamacpp", "triton-vllm", "triton-diffusers", "ovms"]

Name = Annotated[str | None, typer.Option(help="Name of the model to make; the last part of the source by default.")]
Task = Annotated[str | None, typer.Option(help="What the model is for, as the hub names it; read from the checkpoint.")]
TargetOption = Annotated[
    TargetWish | None, typer.Option(help="What will serve it; chosen from the source and the devices found.")
]
PrecisionOption = Annotated[
    Precision | None,
    typer.Option(help="Precision of the weights; int8 below 1 B parameters and int4 above by default."),
]
DeviceOption = Annotated[str, typer.Option(help="OpenVINO device: CPU (AMD's too), GPU, NPU, AUTO, HETERO:GPU,CPU.")]
Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit on the hub; the main branch by default.")]
File = Annotated[str | None, typer.Option("--file", help="One GGUF file of several.")]
Context = Annotated[int | None, typer.Option("--context", min=2, help="Longest prompt and answer together, in tokens.")]
Lora = Annotated[
    list[str] | None,
    typer.Option("--lora", help="A LoRA adapter as NAME=PATH_OR_HUB_ID; served as MODEL:NAME. May be repeated."),
]
Vocoder = Annotated[str | None, typer.Option(help="The vocoder of a text-to-speech model: a folder or a hub id.")]
Calibration = Annotated[Path | None, typer.Option(help="A text file to calibrate int4-awq with; ours by default.")]
GpuOption = Annotated[
    str | None, typer.Option("--gpus", help="GPUs to plan for instead of those found here, as 2x80GB.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace a model of that name.")]
Update = Annotated[
    bool, typer.Option("--update", help="Replace a model of that name if the source or a setting has changed.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")]
Trust = Annotated[
    bool, typer.Option("--trust-remote-code", help="Run the Python code in the checkpoint. Read it first.")
]
Offline = Annotated[bool, typer.Option("--offline", help="Ask no hub; use what is downloaded already.")]
ProgressOption = Annotated[
    ProgressForm, typer.Option("--progress", help="json: progress, result and error as JSON lines on standard output.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show all that the exporters print, and tracebacks.")]


@dataclass(frozen=True)
class Order:
    """The command line's options, as they were given. `pull`: a model of that name is replaced by a newer self only."""

    source: str
    name: str
    task: str | None = None
    target: TargetWish | None = None
    precision: Precision | None = None
    device: str = "CPU"
    revision: str | None = None
    file: str | None = None
    context: int | None = None
    lora: dict[str, str] = field(default_factory=dict)
    vocoder: str | None = None
    calibration: Path | None = None
    gpus: str | None = None
    force: bool = False
    update: bool = False
    pull: bool = False
    trust_remote_code: bool = False
    debug: bool = False
    progress: ProgressForm = "people"

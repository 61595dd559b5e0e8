"""A GGUF file to OpenVINO IR: dequantized by transformers, then exported like any checkpoint of its architecture.

Knows what transformers reads of GGUF; the export itself is `openvino_text`'s.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from converters.exporters import openvino_text
from converters.exporting import exporting
from converters.forms import needed
from converters.gguf import read_header
from converters.gguf_tokenizer import tokenizer_of
from converters.isolation import offline
from converters.no_random_weights import no_random_weights
from converters.plan import ConversionPlan
from converters.quiet import captured
from converters.source import Checkpoint
from modelyard.manifest import Fidelity, Source

TOOLS = (*openvino_text.TOOLS, "gguf")
backend_parameters = openvino_text.backend_parameters


def refusal(checkpoint: Checkpoint) -> str | None:
    """Why transformers cannot read this file; None when it can."""
    if len(checkpoint.files) > 1:
        return "a GGUF file in several parts can be served by llama.cpp only: --target triton-llamacpp"
    with offline(), captured(Path(os.devnull)):
        from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES

    architecture = read_header(checkpoint.gguf).architecture
    if architecture in GGUF_SUPPORTED_ARCHITECTURES:
        return None
    return f"transformers does not read GGUF files of '{architecture}'; llama.cpp may: --target triton-llamacpp"


def export(
    plan: ConversionPlan, folder: Path, scratch: Path, *, on_step: Callable[[str], None], show: bool = False
) -> None:
    on_step("dequantize")
    original = scratch / "original"
    file = plan.checkpoint.gguf
    with (
        exporting(
            f"{file.name} could not be dequantized",
            scratch / "dequantize.log",
            show=show,
            hint="serve the file as it is: --target triton-llamacpp",
        ),
        no_random_weights(file),
    ):
        dequantize(file, original)
    openvino_text.export(_of_original(plan, original), folder, scratch, on_step=on_step, show=show)


def measure(plan: ConversionPlan, folder: Path) -> Fidelity:
    """Against the dequantized weights, which are what the GGUF file says."""
    return openvino_text.measure(_of_original(plan, folder.parent.parent / "scratch" / "original"), folder)


def _of_original(plan: ConversionPlan, folder: Path) -> ConversionPlan:
    names = tuple(path.name for path in folder.iterdir())
    bare = Checkpoint(folder, Source("folder", str(folder), ""), needed(names))
    return replace(plan, checkpoint=replace(bare, config=bare.read_json("config.json")))


def dequantize(file: Path, folder: Path) -> None:
    """Write the checkpoint that the file's weights say, in 16 bits, with its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM

    tokenizer_of(file).save_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(
        file.parent, gguf_file=file.name, dtype=torch.float16, local_files_only=True
    )
    model.save_pretrained(folder)

"""Exports a causal language model to OpenVINO IR with tokenizer and detokenizer, by optimum-intel and NNCF.

Gives what OpenVINO GenAI loads; knows nothing of entries. Heavy imports are inside functions: they take seconds.
"""

from __future__ import annotations

import gc
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from converters import fidelity
from converters.adapters import place_adapters
from converters.calibration import samples
from converters.compression import compress, compress_network
from converters.exporting import exporting
from converters.frugal_export import frugal_export
from converters.mapped import trim_heap
from converters.model_card import end_tokens
from converters.no_random_weights import no_random_weights
from converters.plan import ConversionPlan
from converters.precision import RECIPES, arithmetic
from modelyard.errors import TokenizerMissing
from modelyard.manifest import Fidelity

TASK = "text-generation-with-past"  # optimum's name for a causal language model that keeps its key-value cache
TOOLS = ("openvino", "openvino-tokenizers", "optimum-intel", "nncf", "transformers", "torch")
_TOKENIZER_FILES = (
    "openvino_tokenizer.xml",
    "openvino_tokenizer.bin",
    "openvino_detokenizer.xml",
    "openvino_detokenizer.bin",
)
# The checkpoint's own files go along unchanged: other programs read them, and so may OpenVINO GenAI.
_OWN_FILES = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
)


def export(
    plan: ConversionPlan, folder: Path, scratch: Path, *, on_step: Callable[[str], None], show: bool = False
) -> None:
    """Write the model's files into `folder`; `scratch` takes what lies between. Raises ConversionFailed."""
    log = scratch / "export.log"
    with (
        exporting(f"optimum-intel could not export {plan.architecture}", log, show=show),
        no_random_weights(plan.checkpoint.folder),
    ):
        made = _export(plan, scratch, on_step)
    for name in _TOKENIZER_FILES:
        if not (made / name).is_file():
            raise TokenizerMissing(plan.checkpoint.folder, "openvino-tokenizers cannot convert it")
    _collect(plan, made, folder)
    place_adapters(plan.adapters, folder)


def backend_parameters(plan: ConversionPlan) -> dict[str, str]:
    """The device, and for small models how exactly it is to compute."""
    return {"DEVICE": plan.device, **arithmetic(plan.parameters, plan.device)}


def measure(plan: ConversionPlan, folder: Path) -> Fidelity:
    """The original in PyTorch beside the IR, on the same tokens."""
    return fidelity.measure(
        plan.checkpoint,
        folder,
        trust_remote_code=plan.trust_remote_code,
        parameters=plan.parameters,
        limit=plan.context_length,
    )


def _export(plan: ConversionPlan, scratch: Path, on_step: Callable[[str], None]) -> Path:
    """The folder with the model in its final precision and everything that the exporter wrote beside it."""
    import warnings

    import torch
    from optimum.exporters.openvino import main_export
    from optimum.intel import OVConfig

    warnings.simplefilter("ignore")  # the tracer's, one for every Python branch in the model
    recipe = RECIPES[plan.precision]
    made = scratch / "exported"
    looks = recipe.get("quant_method") == "awq"  # at activations, for which the network must run

    def compressed(network: Any) -> Any:
        on_step("compress")
        weights = [plan.checkpoint.folder / name for name in plan.checkpoint.weights]
        return compress_network(network, recipe, *weights)

    on_step("export")
    with frugal_export(compressed if recipe and not looks else None):
        main_export(
            str(plan.checkpoint.folder),
            made,
            task=TASK,
            # Without an OVConfig, optimum compresses models of 1 B parameters and more to 8 bits and says nothing.
            ov_config=OVConfig(),
            # Not OVConfig(dtype="fp16"): that rounds the rotary frequencies too, an error that grows with the position.
            model_loading_kwargs={"torch_dtype": torch.float16} if not recipe else None,
            library_name="transformers",
            local_files_only=True,
            trust_remote_code=plan.trust_remote_code,
            convert_tokenizer=True,
        )
    gc.collect()
    trim_heap()
    if looks:
        on_step("compress")
        network = made / "openvino_model.xml"
        compress(network, recipe, samples(plan.checkpoint, network, plan.calibration))
    return made


def _collect(plan: ConversionPlan, made: Path, folder: Path) -> None:
    checkpoint = plan.checkpoint
    for name in ("openvino_model.xml", "openvino_model.bin", *_TOKENIZER_FILES):
        (made / name).replace(folder / name)
    for name in _OWN_FILES:
        origin = checkpoint.folder / name if name in checkpoint.files else made / name
        if origin.is_file():
            shutil.copyfile(origin, folder / name)
    _write_generation_config(plan, made, folder)
    shutil.rmtree(made)


def _write_generation_config(plan: ConversionPlan, made: Path, folder: Path) -> None:
    """The checkpoint's own, with every end token in it: OpenVINO GenAI stops at those and at no others."""
    config = plan.checkpoint.read_json("generation_config.json")
    if not config and (made / "generation_config.json").is_file():
        config = json.loads((made / "generation_config.json").read_text(encoding="utf-8"))
    ends = end_tokens(plan.checkpoint)
    if ends:
        config["eos_token_id"] = ends if len(ends) > 1 else ends[0]
    (folder / "generation_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")

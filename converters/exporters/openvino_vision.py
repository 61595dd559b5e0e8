"""Exports a vision-language model to OpenVINO IR by optimum-intel and NNCF: its language model and the parts that see.

Gives what OpenVINO GenAI loads; knows nothing of entries. Heavy imports are inside functions: they take seconds.
"""

from __future__ import annotations

import gc
import json
import shutil
from collections.abc import Callable
from pathlib import Path

from converters import vision_fidelity
from converters.compression import compress
from converters.exporting import exporting
from converters.model_card import end_tokens
from converters.no_random_weights import no_random_weights
from converters.plan import ConversionPlan
from converters.precision import RECIPES, arithmetic
from converters.source import Checkpoint
from modelyard.errors import FieldRefused, TokenizerMissing
from modelyard.manifest import Fidelity

TASK = "image-text-to-text"
TOOLS = ("openvino", "openvino-tokenizers", "optimum-intel", "nncf", "transformers", "torch")
# What OpenVINO GenAI 2026.4 has a pipeline for, of what optimum-intel exports.
_SERVED = frozenset(
    {
        "llava",
        "llava_next",
        "llava_next_video",
        "llava-qwen2",
        "qwen2_vl",
        "qwen2_5_vl",
        "qwen3_vl",
        "gemma3",
        "internvl_chat",
        "minicpmv",
        "phi3_v",
        "phi4mm",
    }
)
_LANGUAGE_MODEL = "openvino_language_model"
_TOKENIZER = ("openvino_tokenizer", "openvino_detokenizer")
# 4 bits in the parts that see cost more than they save: they are small, and run once for each image.
_SEEING = {"bits": 8, "sym": False}
# The checkpoint's own files go along unchanged: OpenVINO GenAI reads from them how images are prepared.
_OWN_FILES = (
    "config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "video_preprocessor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "chat_template.json",
)


def refusal(checkpoint: Checkpoint) -> str | None:
    """Why OpenVINO GenAI could not run it; None when it could. Whether it can be exported is for optimum to say."""
    model_type = str(checkpoint.config.get("model_type", ""))
    if model_type in _SERVED:
        return None
    return (
        f"OpenVINO GenAI runs no '{model_type}' with images, but {', '.join(sorted(_SERVED))}; "
        "on CUDA, --target triton-vllm serves most families"
    )


def export(
    plan: ConversionPlan, folder: Path, scratch: Path, *, on_step: Callable[[str], None], show: bool = False
) -> None:
    """Write the model's files into `folder`; `scratch` takes what lies between. Raises ConversionFailed."""
    if RECIPES[plan.precision].get("quant_method") == "awq":
        raise FieldRefused("precision", f"{plan.precision} is for models of text alone so far; choose int4 or int8")
    log = scratch / "export.log"
    with (
        exporting(f"optimum-intel could not export {plan.architecture}", log, show=show),
        no_random_weights(plan.checkpoint.folder),
    ):
        made = _export(plan, scratch, on_step)
        if RECIPES[plan.precision]:
            on_step("compress")
            _compress(plan, made)
    _collect(plan, made, folder)


def backend_parameters(plan: ConversionPlan) -> dict[str, str]:
    """The device, and for small models how exactly it is to compute."""
    return {"DEVICE": plan.device, **arithmetic(plan.parameters, plan.device)}


def measure(plan: ConversionPlan, folder: Path) -> Fidelity:
    """The original in PyTorch beside the language model, on text alone."""
    return vision_fidelity.measure(
        plan.checkpoint,
        folder,
        parameters=plan.parameters,
        limit=plan.context_length,
        trust_remote_code=plan.trust_remote_code,
    )


def _export(plan: ConversionPlan, scratch: Path, on_step: Callable[[str], None]) -> Path:
    import warnings

    import torch
    from optimum.exporters.openvino import main_export
    from optimum.intel import OVConfig

    warnings.simplefilter("ignore")  # the tracer's, one for every Python branch in the model
    floats = scratch / "floats"
    on_step("export")
    main_export(
        str(plan.checkpoint.folder),
        floats,
        task=TASK,
        ov_config=OVConfig(),  # without it, optimum compresses models of 1 B parameters and more and says nothing
        model_loading_kwargs={"torch_dtype": torch.float16} if not RECIPES[plan.precision] else None,
        library_name="transformers",
        local_files_only=True,
        trust_remote_code=plan.trust_remote_code,
        convert_tokenizer=True,
    )
    gc.collect()
    return floats


def _networks(made: Path) -> list[str]:
    return sorted(path.stem for path in made.glob("openvino_*.xml") if path.stem not in _TOKENIZER)


def _compress(plan: ConversionPlan, made: Path) -> None:
    for name in _networks(made):
        compress(made / f"{name}.xml", RECIPES[plan.precision] if name == _LANGUAGE_MODEL else _SEEING)


def _collect(plan: ConversionPlan, made: Path, folder: Path) -> None:
    checkpoint = plan.checkpoint
    for name in _TOKENIZER:
        if not (made / f"{name}.xml").is_file():
            raise TokenizerMissing(checkpoint.folder, "openvino-tokenizers cannot convert it")
    for name in (*_networks(made), *_TOKENIZER):
        for suffix in (".xml", ".bin"):
            (made / f"{name}{suffix}").replace(folder / f"{name}{suffix}")
    for name in _OWN_FILES:
        origin = checkpoint.folder / name if name in checkpoint.files else made / name
        if origin.is_file():
            shutil.copyfile(origin, folder / name)
    config = checkpoint.read_json("generation_config.json")
    if ends := end_tokens(checkpoint):  # OpenVINO GenAI stops at those and at no others
        config["eos_token_id"] = ends if len(ends) > 1 else ends[0]
    (folder / "generation_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    shutil.rmtree(made)

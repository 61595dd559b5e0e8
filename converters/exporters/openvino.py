"""Exports a causal language model to OpenVINO IR with tokenizer and detokenizer, by optimum-intel and NNCF.

Gives what OpenVINO GenAI loads; knows nothing of entries. Heavy imports are inside functions: they take seconds.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from textwrap import indent, shorten
from typing import Any

from converters.isolation import offline
from converters.model_card import end_tokens
from converters.plan import ConversionPlan
from converters.precision import RECIPES
from converters.quiet import captured, last_words
from modelyard.errors import ConversionFailed, TokenizerMissing

TASK = "text-generation-with-past"  # optimum's name for a causal language model that keeps its key-value cache
_TOOLS = ("openvino", "openvino-tokenizers", "optimum-intel", "nncf", "transformers", "torch")
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


def refusal(model_type: str) -> str | None:
    """Why this model type cannot be exported with the libraries installed here; None when it can."""
    with offline(), captured(Path(os.devnull)):
        import optimum.exporters.openvino.model_configs  # noqa: F401  # fills the registry
        from optimum.exporters.tasks import TasksManager
        from packaging.version import Version

    try:
        tasks = TasksManager.get_supported_tasks_for_model_type(
            model_type, exporter="openvino", library_name="transformers"
        )
    except KeyError:
        return f"optimum-intel {version('optimum-intel')} does not know the model type '{model_type}'"
    if TASK not in tasks:
        return f"optimum-intel exports '{model_type}' for other tasks only: {', '.join(sorted(tasks))}"
    config = tasks[TASK].func
    lowest, highest = (
        getattr(config, "MIN_TRANSFORMERS_VERSION", None),
        getattr(config, "MAX_TRANSFORMERS_VERSION", None),
    )
    installed = Version(version("transformers"))
    if (lowest and installed < Version(str(lowest))) or (highest and installed > Version(str(highest))):
        limits = " and ".join(
            [*([f"at least {lowest}"] if lowest else []), *([f"at most {highest}"] if highest else [])]
        )
        return f"exporting '{model_type}' needs transformers of {limits}; {installed} is installed"
    return None


def tool_versions() -> dict[str, str]:
    found = {}
    for name in _TOOLS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def export(
    plan: ConversionPlan, folder: Path, scratch: Path, *, on_step: Callable[[str], None], show: bool = False
) -> None:
    """Write the model's files into `folder`; `scratch` takes what lies between. Raises ConversionFailed."""
    log = scratch / "export.log"
    try:
        with offline(), captured(log, show=show):
            made = _export(plan, scratch, on_step)
    except ConversionFailed:
        raise
    except MemoryError as error:
        raise ConversionFailed("the exporter ran out of memory", hint="close other programs and try again") from error
    except Exception as error:
        reason = shorten(str(error) or type(error).__name__, 600)
        words = indent(last_words(log), "    ")
        raise ConversionFailed(
            f"optimum-intel could not export {plan.architecture}: {reason}" + (f"\n{words}" if words else ""),
            hint="pass --debug to see all that it printed",
        ) from error
    for name in _TOKENIZER_FILES:
        if not (made / name).is_file():
            raise TokenizerMissing(plan.checkpoint.folder, "openvino-tokenizers cannot convert it")
    _collect(plan, made, folder)


def _export(plan: ConversionPlan, scratch: Path, on_step: Callable[[str], None]) -> Path:
    """The folder with the model in its final precision and everything that the exporter wrote beside it."""
    import warnings

    import torch
    from optimum.exporters.openvino import main_export
    from optimum.intel import OVConfig, OVWeightQuantizationConfig

    warnings.simplefilter("ignore")  # the tracer's, one for every Python branch in the model
    recipe = RECIPES[plan.precision]
    weights = OVWeightQuantizationConfig(**recipe) if recipe else None
    floats = scratch / "floats"
    on_step("export")
    main_export(
        str(plan.checkpoint.folder),
        floats,
        task=TASK,
        # Without an OVConfig, optimum compresses models of 1 B parameters and more to 8 bits and says nothing.
        ov_config=OVConfig(quantization_config=weights),
        # Not OVConfig(dtype="fp16"): that rounds the rotary frequencies too, an error that grows with the position.
        model_loading_kwargs={"torch_dtype": torch.float16} if weights is None else None,
        library_name="transformers",
        local_files_only=True,
        trust_remote_code=plan.trust_remote_code,
        convert_tokenizer=True,
    )
    gc.collect()
    if weights is None:
        return floats

    on_step("compress")
    _compress(floats / "openvino_model.xml", weights)
    return floats


def _compress(model_file: Path, weights: Any) -> None:
    import nncf
    import openvino as ov

    model = ov.Core().read_model(model_file)
    compressed = nncf.compress_weights(model, **weights.to_nncf_dict())
    beside = model_file.with_name("compressed.xml")
    ov.save_model(compressed, beside, compress_to_fp16=False)
    del model, compressed  # the file's weights are mapped into memory until here
    gc.collect()
    for suffix in (".xml", ".bin"):
        beside.with_suffix(suffix).replace(model_file.with_suffix(suffix))


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

"""Exports encoders to OpenVINO IR: models that give a text a vector, a pair of texts a score, or a text its labels.

By optimum-intel where it knows the architecture, by tracing where it does not, and from ONNX by OpenVINO's reader;
weights are compressed by NNCF. What follows the network is in encoder.json. Knows nothing of entries.
"""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from converters import encoder_fidelity
from converters.compression import compress_network
from converters.encoder_description import EncoderDescription, describe
from converters.exporters.halving import halve
from converters.exporters.onnx import onnx_file, read_onnx
from converters.exporters.traced import load_original, trace
from converters.exporting import exporting
from converters.isolation import offline
from converters.no_random_weights import no_random_weights
from converters.plan import ConversionPlan
from converters.precision import RECIPES, arithmetic
from converters.source import Checkpoint
from modelyard.card import FEATURE_EXTRACTION
from modelyard.errors import FieldRefused, ModelyardError, TokenizerMissing, UnknownArchitecture
from modelyard.manifest import ScoreFidelity, VectorFidelity

TOOLS = ("openvino", "openvino-tokenizers", "optimum-intel", "nncf", "transformers", "tokenizers", "torch")
_NETWORK = "openvino_model.xml"
_FLOATS = "floats"  # in the scratch folder: what optimum writes
_OWN_FILES = ("config.json", "special_tokens_map.json")
# Vectors are made of the last layer's tokens: the pooler behind it, which many checkpoints lack, has no part in them.
_POOLER = r"(^|\.)pooler\."


def refusal(checkpoint: Checkpoint, task: str) -> str | None:
    """Why this checkpoint cannot be exported; None when it can, or when only trying will tell."""
    try:
        describe(checkpoint, task)
    except ModelyardError as error:
        return f"{error}; {error.hint}" if error.hint else str(error)
    if checkpoint.form == "onnx" or _optimum_knows(checkpoint, task) or _transformers_knows(checkpoint, task):
        return None
    return f"neither optimum-intel nor transformers knows the model type '{checkpoint.config.get('model_type')}'"


def backend_parameters(plan: ConversionPlan) -> Mapping[str, str]:
    """The device, and 32-bit arithmetic where it costs nothing."""
    own = arithmetic(plan.parameters, plan.device)
    hint = "INFERENCE_PRECISION_HINT"
    return {"DEVICE": plan.device, **({hint: own[hint]} if hint in own else {})}


def measure(plan: ConversionPlan, folder: Path) -> VectorFidelity | ScoreFidelity:
    """The original beside the IR, over texts of ours."""
    return encoder_fidelity.measure(plan, folder)


def export(
    plan: ConversionPlan, folder: Path, scratch: Path, *, on_step: Callable[[str], None], show: bool = False
) -> None:
    """Write the version folder; `scratch` takes what lies between. Raises ConversionFailed and BadCheckpoint."""
    description = describe(plan.checkpoint, plan.task, limit=plan.context_length)
    recipe = RECIPES[plan.precision]
    if recipe.get("quant_method") == "awq":
        raise FieldRefused("precision", "activation-aware compression is for models that generate text; int4 is not")
    log = scratch / "export.log"
    unused = _POOLER if plan.task == FEATURE_EXTRACTION else None
    with (
        exporting(f"optimum-intel could not export {plan.architecture}", log, show=show),
        no_random_weights(plan.checkpoint.folder, unused=unused),
    ):
        _export(plan, description, recipe, scratch, folder, on_step)


def _export(
    plan: ConversionPlan,
    description: EncoderDescription,
    recipe: Mapping[str, Any],
    scratch: Path,
    folder: Path,
    on_step: Callable[[str], None],
) -> None:
    import warnings

    import openvino as ov

    warnings.simplefilter("ignore")  # the tracer's, one for every Python branch in the model
    on_step("export")
    tokenizer = _write_tokenizer(plan, description, folder)
    network = _network(plan, tokenizer, scratch)
    if recipe:
        on_step("compress")
        network = compress_network(network, recipe, scratch / _FLOATS / "openvino_model.bin")
    else:
        halve(network)
    ov.save_model(network, folder / _NETWORK, compress_to_fp16=False)
    del network  # what optimum wrote is mapped into memory until here
    gc.collect()
    shutil.rmtree(scratch / _FLOATS, ignore_errors=True)
    for name in (name for name in _OWN_FILES if name in plan.checkpoint.files):
        shutil.copyfile(plan.checkpoint.folder / name, folder / name)
    _write_tokenizer_ir(tokenizer, folder)
    _write_dense(plan.checkpoint, description, folder)
    # The loaded tokenizer knows it better than its files.
    description.write(folder, token_types="token_type_ids" in tokenizer.model_input_names)


def _network(plan: ConversionPlan, tokenizer: Any, scratch: Path) -> Any:
    """The network in 32 bits."""
    if plan.checkpoint.form == "onnx":
        return read_onnx(onnx_file(plan.checkpoint), plan.task)
    if _optimum_knows(plan.checkpoint, plan.task):
        return _by_optimum(plan, scratch / _FLOATS)
    if plan.trust_remote_code or _transformers_knows(plan.checkpoint, plan.task):
        return _by_tracing(plan, tokenizer)
    raise UnknownArchitecture(plan.architecture, hint=refusal(plan.checkpoint, plan.task) or "")


def _by_optimum(plan: ConversionPlan, made: Path) -> Any:
    import openvino as ov
    from optimum.exporters.openvino import main_export
    from optimum.intel import OVConfig

    main_export(
        str(plan.checkpoint.folder),
        made,
        task=_optimum_task(plan.task),
        # Without an OVConfig, optimum compresses models of 1 B parameters and more to 8 bits and says nothing.
        ov_config=OVConfig(),
        library_name="transformers",
        local_files_only=True,
        trust_remote_code=plan.trust_remote_code,
        convert_tokenizer=False,
    )
    gc.collect()
    return ov.Core().read_model(made / _NETWORK)


def _by_tracing(plan: ConversionPlan, tokenizer: Any) -> Any:
    import torch

    model = load_original(plan.checkpoint, plan.task, dtype=torch.float32, trust_remote_code=plan.trust_remote_code)
    known = ("input_ids", "attention_mask", "token_type_ids")
    return trace(model, plan.task, [name for name in known if name in tokenizer.model_input_names])


def _write_tokenizer(plan: ConversionPlan, description: EncoderDescription, folder: Path) -> Any:
    """tokenizer.json as transformers understands the checkpoint's files: it corrects some when it reads them."""
    from transformers import AutoTokenizer

    checkpoint = plan.checkpoint
    tokenizer = AutoTokenizer.from_pretrained(
        checkpoint.folder, local_files_only=True, trust_remote_code=plan.trust_remote_code
    )
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise TokenizerMissing(checkpoint.folder, "transformers reads it with a tokenizer that has no tokenizer.json")
    if description.lower_case:
        normalizers = import_module("tokenizers.normalizers")
        own = [backend.normalizer] if backend.normalizer is not None else []
        backend.normalizer = normalizers.Sequence([normalizers.Lowercase(), *own])
    tokenizer.save_pretrained(folder)
    return tokenizer


def _write_tokenizer_ir(tokenizer: Any, folder: Path) -> None:
    """For other programs: OpenVINO GenAI and OpenVINO Model Server take the tokenizer as IR."""
    import openvino as ov

    try:
        network = import_module("openvino_tokenizers").convert_tokenizer(tokenizer)
    except Exception:  # whatever it cannot do: our own backend reads tokenizer.json
        return
    ov.save_model(network, folder / "openvino_tokenizer.xml")


def _write_dense(checkpoint: Checkpoint, description: EncoderDescription, folder: Path) -> None:
    import numpy as np
    from safetensors.torch import load_file

    for layer in description.dense:
        arrays = {name: tensor.float().numpy() for name, tensor in load_file(checkpoint.folder / layer.origin).items()}
        kept = {"weight": arrays["linear.weight"]} | ({"bias": arrays["linear.bias"]} if layer.bias else {})
        np.savez(folder / layer.file, **kept)


def _optimum_task(task: str) -> str:
    """What optimum calls it; a cross-encoder is a classifier with one label."""
    return "feature-extraction" if task == FEATURE_EXTRACTION else "text-classification"


def _optimum_knows(checkpoint: Checkpoint, task: str) -> bool:
    with offline():
        import optimum.exporters.openvino.model_configs  # noqa: F401  # fills the register
        from optimum.exporters.tasks import TasksManager

    try:
        tasks = TasksManager.get_supported_tasks_for_model_type(
            str(checkpoint.config.get("model_type")), exporter="openvino", library_name="transformers"
        )
    except KeyError:
        return False
    return _optimum_task(task) in tasks


def _transformers_knows(checkpoint: Checkpoint, task: str) -> bool:
    from transformers import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING, MODEL_MAPPING
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    kind = checkpoint.config.get("model_type")
    mapping = MODEL_MAPPING if task == FEATURE_EXTRACTION else MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING
    return kind in CONFIG_MAPPING and CONFIG_MAPPING[kind] in mapping

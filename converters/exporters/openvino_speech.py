"""Exports speech models to OpenVINO IR by optimum-intel and NNCF: Whisper, and SpeechT5 with its vocoder.

Gives what OpenVINO GenAI's speech pipelines load; knows nothing of entries. Heavy imports are inside functions.
"""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converters.compression import compress
from converters.exporting import exporting
from converters.no_random_weights import no_random_weights
from converters.plan import ConversionPlan
from converters.precision import RECIPES, arithmetic
from converters.source import Checkpoint
from converters.whisper_checkpoint import measure_whisper, write_generation_config
from modelyard.card import SPEECH_RECOGNITION
from modelyard.errors import BadCheckpoint, FieldRefused, TokenizerMissing
from modelyard.manifest import Fidelity, NotMeasured

TOOLS = ("openvino", "openvino-tokenizers", "optimum-intel", "nncf", "transformers", "torch", "sentencepiece")
VOCODER = "vocoder"  # the companion of a text-to-speech checkpoint
_TOKENIZER = ("openvino_tokenizer", "openvino_detokenizer")
_VOICE_BYTES = 4 * 512  # a speaker's embedding, 512 numbers as float32
_KOKORO = (
    "its export needs the package kokoro with spaCy and lists of words from the network; "
    "convert microsoft/speecht5_tts with --vocoder microsoft/speecht5_hifigan instead"
)


@dataclass(frozen=True)
class _Family:
    """`networks` in full, those whose weights are compressed first."""

    task: str  # optimum's name; "with past": the decoder keeps its key-value cache
    compressed: tuple[str, ...]
    kept: tuple[str, ...] = ()
    own_files: tuple[str, ...] = ()


_FAMILIES: Mapping[str, _Family] = {
    "whisper": _Family(
        task="automatic-speech-recognition-with-past",
        compressed=("openvino_encoder_model", "openvino_decoder_model"),
        own_files=("config.json", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json"),
    ),
    "speecht5": _Family(
        task="text-to-audio-with-past",
        compressed=("openvino_encoder_model", "openvino_decoder_model"),
        # Convolutions that make sound: small, and the ear hears what 8 bits do to them.
        kept=("openvino_postnet", "openvino_vocoder"),
        own_files=("config.json", "generation_config.json", "spm_char.model", "tokenizer_config.json"),
    ),
}


def refusal(checkpoint: Checkpoint) -> str | None:
    """Why this checkpoint cannot be exported here; None when it can."""
    model_type = str(checkpoint.config.get("model_type", ""))
    if model_type in _FAMILIES:
        return None
    if model_type == "kokoro" or "istftnet" in checkpoint.config:
        return _KOKORO
    return f"speech models that can be exported are {' and '.join(_FAMILIES)}, not '{model_type}'"


def export(
    plan: ConversionPlan, folder: Path, scratch: Path, *, on_step: Callable[[str], None], show: bool = False
) -> None:
    """Write the model's files into `folder`; `scratch` takes what lies between. Raises ConversionFailed."""
    family = _FAMILIES[str(plan.checkpoint.config["model_type"])]
    recipe = _recipe(plan)
    vocoder = None if plan.task == SPEECH_RECOGNITION else _vocoder(plan)
    log = scratch / "export.log"
    with (
        exporting(f"optimum-intel could not export {plan.architecture}", log, show=show),
        no_random_weights(plan.checkpoint.folder),
    ):
        made = _export(plan, family, scratch, vocoder, on_step)
        if recipe:
            on_step("compress")
            for network in family.compressed:
                compress(made / f"{network}.xml", recipe)
    _collect(plan, family, made, folder)


def backend_parameters(plan: ConversionPlan) -> dict[str, str]:
    """The device, and for small models how exactly it is to compute."""
    # One request at a time: nothing else competes for the threads. And there is no paged cache with a precision.
    exact = {name: value for name, value in arithmetic(plan.parameters, plan.device).items() if name in _EXACT}
    return {"DEVICE": plan.device, **exact}


_EXACT = ("INFERENCE_PRECISION_HINT",)


def measure(plan: ConversionPlan, folder: Path) -> Fidelity | NotMeasured:
    """For Whisper, the original beside the IR."""
    if plan.task != SPEECH_RECOGNITION:
        return NotMeasured("what a voice sounds like has no figure")
    return measure_whisper(plan.checkpoint, folder, parameters=plan.parameters)


def _recipe(plan: ConversionPlan) -> Mapping[str, Any]:
    recipe: Mapping[str, Any] = RECIPES[plan.precision]
    if recipe.get("quant_method") == "awq":
        raise FieldRefused("precision", f"{plan.precision} looks at texts, and a speech model reads none; choose int8")
    return recipe


def _vocoder(plan: ConversionPlan) -> Path:
    """The checkpoint that makes sound of spectrograms: given, or in a folder of that name inside the checkpoint."""
    found = plan.companions.get(VOCODER, plan.checkpoint.folder / VOCODER)
    if not (found / "config.json").is_file():
        raise BadCheckpoint(
            f"{plan.architecture} makes spectrograms only, and needs a vocoder for sound",
            hint="pass --vocoder with a folder or a hub id, such as microsoft/speecht5_hifigan",
        )
    return found


def _export(
    plan: ConversionPlan, family: _Family, scratch: Path, vocoder: Path | None, on_step: Callable[[str], None]
) -> Path:
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
        task=family.task,
        ov_config=OVConfig(),  # without it, optimum compresses models of 1 B parameters and more and says nothing
        model_loading_kwargs={"torch_dtype": torch.float16} if not RECIPES[plan.precision] else None,
        model_kwargs={"vocoder": str(vocoder)} if vocoder else None,
        library_name="transformers",
        local_files_only=True,
        convert_tokenizer=True,
    )
    gc.collect()
    return floats


def _collect(plan: ConversionPlan, family: _Family, made: Path, folder: Path) -> None:
    checkpoint = plan.checkpoint
    if not (made / f"{_TOKENIZER[0]}.xml").is_file():
        raise TokenizerMissing(checkpoint.folder, "openvino-tokenizers cannot convert it")
    for network in (*family.compressed, *family.kept, *_TOKENIZER):
        for suffix in (".xml", ".bin"):
            if (made / f"{network}{suffix}").is_file():
                (made / f"{network}{suffix}").replace(folder / f"{network}{suffix}")
    for name in family.own_files:
        origin = checkpoint.folder / name if name in checkpoint.files else made / name
        if origin.is_file():
            shutil.copyfile(origin, folder / name)
    if plan.task == SPEECH_RECOGNITION:
        write_generation_config(checkpoint, folder)
    else:
        _copy_voices(checkpoint, folder / "voices")
    shutil.rmtree(made)


def _copy_voices(checkpoint: Checkpoint, folder: Path) -> None:
    for voice in sorted((checkpoint.folder / "voices").glob("*.bin")):
        if voice.stat().st_size != _VOICE_BYTES:
            raise BadCheckpoint(
                f"{voice} is not a voice: it has {voice.stat().st_size} bytes, not {_VOICE_BYTES}",
                hint="a voice is a speaker's embedding of 512 numbers, written as float32",
            )
        folder.mkdir(exist_ok=True)
        shutil.copyfile(voice, folder / voice.name)

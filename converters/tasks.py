"""What a checkpoint is for, read from its own files.

Knows configurations; does not know what can be exported.
"""

from __future__ import annotations

from converters.source import Checkpoint
from modelyard.card import (
    FEATURE_EXTRACTION,
    IMAGE_TEXT_TO_TEXT,
    SPEECH_RECOGNITION,
    TENSORS,
    TEXT_CLASSIFICATION,
    TEXT_GENERATION,
    TEXT_RANKING,
    TEXT_TO_IMAGE,
    TEXT_TO_SPEECH,
)

_SPEECH = {"whisper": SPEECH_RECOGNITION, "speecht5": TEXT_TO_SPEECH, "kokoro": TEXT_TO_SPEECH}
_ENCODER_ENDS = ("Model", "ForMaskedLM", "ForPreTraining")
_VISION_KEYS = ("vision_config", "vision_tower", "mm_vision_tower", "visual")


def detect_task(checkpoint: Checkpoint) -> str | None:
    """The task, as the hub names it; None where the files do not say."""
    if checkpoint.form == "diffusers":
        return TEXT_TO_IMAGE
    if checkpoint.form == "gguf":
        return TEXT_GENERATION
    if checkpoint.form == "openvino":
        return _of_openvino(checkpoint)
    return _of_config(checkpoint)


def architecture_of(checkpoint: Checkpoint) -> str:
    """The class that config.json names, or its model type; a Diffusers pipeline's class."""
    named = checkpoint.config.get("architectures")
    if isinstance(named, list) and named:
        return str(named[0])
    return str(checkpoint.config.get("_class_name") or checkpoint.config.get("model_type") or "unknown")


def is_quantized(checkpoint: Checkpoint) -> str | None:
    """How the weights were compressed before they came here (gptq, awq, fp8 ...), or None."""
    quantized = checkpoint.config.get("quantization_config")
    if not isinstance(quantized, dict):
        return None
    return str(quantized.get("quant_method", "an unknown method"))


def _of_config(checkpoint: Checkpoint) -> str | None:
    config, architecture = checkpoint.config, architecture_of(checkpoint)
    model_type = str(config.get("model_type", ""))
    if model_type in _SPEECH:
        return _SPEECH[model_type]
    # Before modules.json: sentence-transformers 6 writes one for its cross-encoders too.
    if architecture.endswith("ForSequenceClassification"):
        return TEXT_RANKING if _has_one_score(checkpoint) else TEXT_CLASSIFICATION
    if "modules.json" in checkpoint.files:
        return FEATURE_EXTRACTION
    sees = any(key in config for key in _VISION_KEYS)
    if sees and architecture.endswith(("ForConditionalGeneration", "ForCausalLM", "Model")):
        return IMAGE_TEXT_TO_TEXT
    if architecture.endswith(("ForCausalLM", "LMHeadModel")) and not config.get("is_encoder_decoder"):
        return TEXT_GENERATION
    if architecture.endswith(_ENCODER_ENDS) and not config.get("is_encoder_decoder"):
        return FEATURE_EXTRACTION
    if isinstance(config.get("auto_map"), dict) and "AutoModelForCausalLM" in config["auto_map"]:
        return TEXT_GENERATION
    return None


def _has_one_score(checkpoint: Checkpoint) -> bool:
    labels = checkpoint.config.get("id2label")
    if "num_labels" in checkpoint.config:
        return bool(checkpoint.config["num_labels"] == 1)
    return isinstance(labels, dict) and len(labels) == 1


def _of_openvino(checkpoint: Checkpoint) -> str | None:
    files = set(checkpoint.files)
    if "openvino_language_model.xml" in files:
        return IMAGE_TEXT_TO_TEXT
    if "model_index.json" in files:
        return TEXT_TO_IMAGE
    if "config.json" not in files:
        return TENSORS
    return _of_config(checkpoint)

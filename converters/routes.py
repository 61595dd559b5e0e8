"""The ways from a checkpoint to an entry: which exporter takes which form of source for which task to which target.

The one list of exporters; a way that does not exist is refused with the one that does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from converters.forms import Form
from converters.targets import Target
from modelyard.card import (
    FEATURE_EXTRACTION,
    GENERATES_TEXT,
    IMAGE_TEXT_TO_TEXT,
    SPEECH_RECOGNITION,
    TASKS,
    TENSORS,
    TEXT_CLASSIFICATION,
    TEXT_GENERATION,
    TEXT_RANKING,
    TEXT_TO_IMAGE,
    TEXT_TO_SPEECH,
)
from modelyard.errors import NoSuchRoute
from modelyard.manifest import AnyFidelity, NotMeasured

if TYPE_CHECKING:
    from converters.plan import ConversionPlan

OnStep = Callable[[str], None]


class Exporter(Protocol):
    """A module of `converters.exporters`. Imports what is heavy inside its functions."""

    TOOLS: tuple[str, ...]
    """Distributions whose versions the manifest records."""

    def export(self, plan: ConversionPlan, folder: Path, scratch: Path, *, on_step: OnStep, show: bool = False) -> None:
        """Write the engine's files into `folder`; `scratch` takes what lies between. Raises ConversionFailed."""

    def backend_parameters(self, plan: ConversionPlan) -> Mapping[str, str]:
        """What the backend is told, as parameters of config.pbtxt."""

    def measure(self, plan: ConversionPlan, folder: Path) -> AnyFidelity | NotMeasured:
        """How true the result is, or why that cannot be measured."""


_ENCODERS = (FEATURE_EXTRACTION, TEXT_RANKING, TEXT_CLASSIFICATION)
_IR_TASKS = tuple(task for task in TASKS if task != TENSORS)

# (target, form, task) -> the module of converters.exporters
_ROUTES: dict[tuple[Target, Form, str], str] = {
    ("triton-openvino", "transformers", TEXT_GENERATION): "openvino_text",
    ("triton-openvino", "transformers", IMAGE_TEXT_TO_TEXT): "openvino_vision",
    **{("triton-openvino", "transformers", task): "openvino_encoder" for task in _ENCODERS},
    **{("triton-openvino", "onnx", task): "openvino_encoder" for task in _ENCODERS},
    ("triton-openvino", "transformers", SPEECH_RECOGNITION): "openvino_speech",
    ("triton-openvino", "transformers", TEXT_TO_SPEECH): "openvino_speech",
    ("triton-openvino", "diffusers", TEXT_TO_IMAGE): "openvino_images",
    ("triton-openvino", "gguf", TEXT_GENERATION): "openvino_gguf",
    **{("triton-openvino", "openvino", task): "openvino_ready" for task in _IR_TASKS},
    ("ovms", "openvino", TENSORS): "openvino_ready",  # our backends have a task each, and this is none
    ("triton-llamacpp", "gguf", TEXT_GENERATION): "llamacpp",
    **{("triton-vllm", "transformers", task): "vllm" for task in (*sorted(GENERATES_TEXT), FEATURE_EXTRACTION)},
    ("triton-diffusers", "diffusers", TEXT_TO_IMAGE): "diffusers",
}

# The backend of each task on OpenVINO; the other targets have one backend for all that they do.
_OPENVINO_BACKENDS = {
    TEXT_GENERATION: "openvino_genai",
    IMAGE_TEXT_TO_TEXT: "openvino_genai",
    FEATURE_EXTRACTION: "openvino_embeddings",
    TEXT_RANKING: "openvino_rerank",
    TEXT_CLASSIFICATION: "openvino_classifier",
    TEXT_TO_IMAGE: "openvino_images",
    SPEECH_RECOGNITION: "openvino_whisper",
    TEXT_TO_SPEECH: "openvino_tts",
    TENSORS: "openvino",  # Triton's own, which is not among ours; OpenVINO Model Server does not ask
}
_BACKENDS = {"triton-llamacpp": "llamacpp", "triton-vllm": "vllm", "triton-diffusers": "diffusers"}


def exporter_name(target: Target, form: Form, task: str) -> str:
    """The module that does it. Raises NoSuchRoute, which names the targets that could."""
    name = _ROUTES.get((target, form, task))
    if name is None and target == "ovms":
        # OpenVINO Model Server takes the same files as our backends on OpenVINO, with a graph beside them.
        name = _ROUTES.get(("triton-openvino", form, task))
    if name is None:
        others = [other for other, its_form, its_task in _ROUTES if (its_form, its_task) == (form, task)]
        raise NoSuchRoute(target, form, task, list(dict.fromkeys(others)))
    return name


def exporter_for(plan: ConversionPlan) -> Exporter:
    """The exporter of a plan."""
    return cast(Exporter, import_module(f"converters.exporters.{plan.exporter}"))


def backend_for(target: Target, task: str) -> str:
    """The name of the Triton backend that serves the entry."""
    return _BACKENDS.get(target) or _OPENVINO_BACKENDS[task]

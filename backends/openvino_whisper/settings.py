"""The backend's settings, from the parameters of an entry's config.pbtxt.

    DEVICE                    CPU       OpenVINO device: CPU, GPU, GPU.1, NPU, AUTO ...
    MAX_AUDIO_SECONDS         1800      longer audio is refused
    MAX_QUEUE_SIZE            16        requests that may wait; one more is refused as UNAVAILABLE
    WORD_TIMESTAMPS           true      time single words when asked to, where the model can
    INFERENCE_PRECISION_HINT  device's  f32, f16 or bf16
    INFERENCE_NUM_THREADS     device's  threads of the CPU device
    PLUGIN_CONFIG             {}        a JSON object of further OpenVINO properties

Knows texts and figures; does not know OpenVINO.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..common.settings import Parameters, at_least, json_object, one_of, truth

PRECISIONS = ("f32", "f16", "bf16")


@dataclass(frozen=True)
class BackendSettings:
    """`properties` go to OpenVINO as they are."""

    device: str = "CPU"
    max_audio_seconds: int = 1800
    max_queue_size: int = 16
    word_timestamps: bool = True
    properties: Mapping[str, Any] = field(default_factory=dict)


def read_settings(parameters: Parameters) -> BackendSettings:
    """The settings of an entry. Raises BadSetting."""
    get = parameters.get
    return BackendSettings(
        device=get("DEVICE", str.upper, "CPU"),
        max_audio_seconds=get("MAX_AUDIO_SECONDS", at_least(1), 1800),
        max_queue_size=get("MAX_QUEUE_SIZE", at_least(0), 16),
        word_timestamps=get("WORD_TIMESTAMPS", truth, True),
        properties=read_properties(parameters),
    )


def read_properties(parameters: Parameters) -> dict[str, Any]:
    """What goes to OpenVINO. Raises BadSetting."""
    nothing: dict[str, Any] = {}
    properties = dict(parameters.get("PLUGIN_CONFIG", json_object, nothing))
    if precision := parameters.get("INFERENCE_PRECISION_HINT", one_of(PRECISIONS), ""):
        properties["INFERENCE_PRECISION_HINT"] = precision
    if threads := parameters.get("INFERENCE_NUM_THREADS", at_least(1), 0):
        properties["INFERENCE_NUM_THREADS"] = threads
    return properties

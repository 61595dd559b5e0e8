"""The backend's settings, from the parameters of an entry's config.pbtxt.

    DEVICE                    CPU       OpenVINO device: CPU, GPU, GPU.1, NPU, AUTO ...
    MAX_TEXT_CHARS            4096      a longer text is refused
    MAX_QUEUE_SIZE            16        requests that may wait; one more is refused as UNAVAILABLE
    DEFAULT_VOICE             default   the voice of a request that names none
    INFERENCE_PRECISION_HINT  device's  f32, f16 or bf16
    INFERENCE_NUM_THREADS     device's  threads of the CPU device
    PLUGIN_CONFIG             {}        a JSON object of further OpenVINO properties

Knows texts and figures; does not know OpenVINO.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..common.settings import Parameters, at_least, json_object, one_of

PRECISIONS = ("f32", "f16", "bf16")


@dataclass(frozen=True)
class BackendSettings:
    """`properties` go to OpenVINO as they are."""

    device: str = "CPU"
    max_text_chars: int = 4096
    max_queue_size: int = 16
    default_voice: str = "default"
    properties: Mapping[str, Any] = field(default_factory=dict)


def read_settings(parameters: Parameters) -> BackendSettings:
    """The settings of an entry. Raises BadSetting."""
    get = parameters.get
    nothing: dict[str, Any] = {}
    properties = dict(get("PLUGIN_CONFIG", json_object, nothing))
    if precision := get("INFERENCE_PRECISION_HINT", one_of(PRECISIONS), ""):
        properties["INFERENCE_PRECISION_HINT"] = precision
    if threads := get("INFERENCE_NUM_THREADS", at_least(1), 0):
        properties["INFERENCE_NUM_THREADS"] = threads
    return BackendSettings(
        device=get("DEVICE", str.upper, "CPU"),
        max_text_chars=get("MAX_TEXT_CHARS", at_least(1), 4096),
        max_queue_size=get("MAX_QUEUE_SIZE", at_least(0), 16),
        default_voice=get("DEFAULT_VOICE", str, "default"),
        properties=properties,
    )

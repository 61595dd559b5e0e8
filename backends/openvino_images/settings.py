"""The backend's own settings, from the parameters of an entry's config.pbtxt; the rest is in common/images/settings.py.

    DEVICE                    CPU       OpenVINO device: CPU, GPU, GPU.1, AUTO ...
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

_PRECISIONS = ("f32", "f16", "bf16")


@dataclass(frozen=True)
class EngineSettings:
    """`properties` go to OpenVINO as they are."""

    device: str = "CPU"
    properties: Mapping[str, Any] = field(default_factory=dict)


def read_engine_settings(parameters: Parameters) -> EngineSettings:
    """Raises BadSetting."""
    get = parameters.get
    nothing: dict[str, Any] = {}
    properties = dict(get("PLUGIN_CONFIG", json_object, nothing))
    if precision := get("INFERENCE_PRECISION_HINT", one_of(_PRECISIONS), ""):
        properties["INFERENCE_PRECISION_HINT"] = precision
    if threads := get("INFERENCE_NUM_THREADS", at_least(1), 0):
        properties["INFERENCE_NUM_THREADS"] = threads
    return EngineSettings(get("DEVICE", str.upper, "CPU"), properties)

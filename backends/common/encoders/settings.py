"""The settings of an encoder's backend, from the parameters of an entry's config.pbtxt.

    DEVICE                    CPU       OpenVINO device: CPU, GPU, GPU.1, NPU, AUTO, HETERO:GPU,CPU ...
    MAX_BATCH_TOKENS          2048      tokens in one inference, padding included; bounds its memory
    MAX_TEXTS                 2048      texts in one request; one more is refused as INVALID_ARG
    MAX_QUEUE_TEXTS           16384     texts of all requests that may wait; one more is refused as UNAVAILABLE
    TRUNCATE                  true      cut off what is longer than the model reads; false refuses it
    STATIC_SHAPES             -         compile for one shape, a text at a time; true on an NPU, which has no other
    INFERENCE_PRECISION_HINT  device's  f32, f16 or bf16
    INFERENCE_NUM_THREADS     device's  threads of the CPU device
    PLUGIN_CONFIG             {}        a JSON object of further OpenVINO properties

Knows texts and figures; does not know OpenVINO.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..settings import Parameters, at_least, json_object, one_of, truth

_PRECISIONS = ("f32", "f16", "bf16")


@dataclass(frozen=True)
class EncoderSettings:
    """`properties` go to OpenVINO as they are."""

    device: str = "CPU"
    max_batch_tokens: int = 2048
    max_texts: int = 2048
    max_queue_texts: int = 16384
    truncate: bool = True
    static_shapes: bool = False
    properties: Mapping[str, Any] = field(default_factory=dict)


def read_settings(parameters: Parameters) -> EncoderSettings:
    """The settings of an entry. Raises BadSetting."""
    get = parameters.get
    nothing: dict[str, Any] = {}
    # One inference at a time, on all of the device: what waits meanwhile goes into the next.
    properties = {"PERFORMANCE_HINT": "LATENCY", **get("PLUGIN_CONFIG", json_object, nothing)}
    if precision := get("INFERENCE_PRECISION_HINT", one_of(_PRECISIONS), ""):
        properties["INFERENCE_PRECISION_HINT"] = precision
    if threads := get("INFERENCE_NUM_THREADS", at_least(1), 0):
        properties["INFERENCE_NUM_THREADS"] = threads
    device = get("DEVICE", str.upper, "CPU")
    return EncoderSettings(
        device=device,
        max_batch_tokens=get("MAX_BATCH_TOKENS", at_least(1), 2048),
        max_texts=get("MAX_TEXTS", at_least(1), 2048),
        max_queue_texts=get("MAX_QUEUE_TEXTS", at_least(1), 16384),
        truncate=get("TRUNCATE", truth, True),
        static_shapes=get("STATIC_SHAPES", truth, "NPU" in device),
        properties=properties,
    )

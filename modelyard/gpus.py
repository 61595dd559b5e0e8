"""The NVIDIA GPUs of this machine, as the driver tells them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from modelyard.errors import FieldRefused

_WORDS = re.compile(r"((?P<count>[1-9]\d?)x)?(?P<size>[1-9]\d{0,3})GB(:(?P<capability>\d+(\.\d)?))?", re.IGNORECASE)


@dataclass(frozen=True)
class Gpu:
    """One GPU: `memory` in bytes, `compute_capability` as (major, minor)."""

    name: str
    memory: int
    compute_capability: tuple[int, int]


def find_gpus() -> tuple[Gpu, ...]:
    """None where there is no driver."""
    try:
        import pynvml
    except ImportError:
        return ()
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        return tuple(_read(pynvml, index) for index in range(pynvml.nvmlDeviceGetCount()))
    except pynvml.NVMLError:
        return ()  # a card that has fallen off the bus, or a driver that was replaced under us
    finally:
        pynvml.nvmlShutdown()


def _read(nvml: Any, index: int) -> Gpu:
    card = nvml.nvmlDeviceGetHandleByIndex(index)
    major, minor = nvml.nvmlDeviceGetCudaComputeCapability(card)
    name = nvml.nvmlDeviceGetName(card)
    return Gpu(str(name), int(nvml.nvmlDeviceGetMemoryInfo(card).total), (int(major), int(minor)))


def gpus_in_words(text: str) -> tuple[Gpu, ...]:
    """GPUs that are assumed, as `2x80GB` or `24GB:7.5` (compute capability). Raises FieldRefused."""
    found = _WORDS.fullmatch(text.strip())
    if found is None:
        raise FieldRefused("--gpus", f"'{text}' is not like 2x80GB or 24GB:7.5")
    major, _, minor = (found["capability"] or "8.0").partition(".")
    gpu = Gpu(f"{found['size']} GB", int(found["size"]) * 10**9, (int(major), int(minor or 0)))
    return (gpu,) * int(found["count"] or 1)

"""The backend's own settings, from the parameters of an entry's config.pbtxt; the rest is in common/images/settings.py.

    DEVICE             cuda or cpu   a device of PyTorch's; the first GPU where there is one
    DTYPE              by device     float16, bfloat16 or float32; on a GPU what suits the model, on a CPU float32
    ATTENTION_SLICING  false         attention in pieces: less memory, slower
    VAE_TILING         false         large pictures in tiles: less memory at the end of each
    CPU_OFFLOAD        none          model: a component is on the GPU while it computes; sequential: a layer is

Knows texts; does not know PyTorch.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..common.settings import Parameters, one_of, truth

_DTYPES = ("float16", "bfloat16", "float32")
_OFFLOADS = ("none", "model", "sequential")


@dataclass(frozen=True)
class EngineSettings:
    """Empty texts leave the choice to the engine."""

    device: str = ""
    dtype: str = ""
    attention_slicing: bool = False
    vae_tiling: bool = False
    cpu_offload: str = "none"


def read_engine_settings(parameters: Parameters) -> EngineSettings:
    """Raises BadSetting."""
    get = parameters.get
    return EngineSettings(
        device=get("DEVICE", str.lower, ""),
        dtype=get("DTYPE", one_of(_DTYPES), ""),
        attention_slicing=get("ATTENTION_SLICING", truth, False),
        vae_tiling=get("VAE_TILING", truth, False),
        cpu_offload=get("CPU_OFFLOAD", one_of(_OFFLOADS), "none"),
    )

"""Whether an entry's weights lie in the memory of a GPU, as its config.pbtxt places them.

Knows the backends' parameters; asks no device.
"""

from __future__ import annotations

from collections.abc import Mapping

_ALWAYS = ("vllm",)


def is_on_gpu(backend: str, parameters: Mapping[str, str]) -> bool:
    """What is left to the engine counts as what the engine has by itself: PyTorch a GPU, the others a CPU."""
    if backend in _ALWAYS:
        return True
    device = parameters.get("DEVICE", "").strip().lower()
    if backend == "diffusers":
        return not device.startswith("cpu")
    if backend == "llamacpp":
        # Unset is all layers, but on a GPU only where llama.cpp was built for one, which its wheels are not.
        return parameters.get("N_GPU_LAYERS", "0").strip() != "0"
    return "gpu" in device  # of OpenVINO: GPU, GPU.1, HETERO:GPU,CPU ...

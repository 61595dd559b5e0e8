"""The profile of a deployment: which devices its Triton uses, chosen from those of the host and explained in words.

Knows what each device needs before it can be used in a container; looks at no host itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from modelyard.deployment.devices import Devices
from modelyard.errors import FieldRefused

Profile = Literal["cpu", "intel-gpu", "intel-npu", "cuda"]
PROFILES: tuple[Profile, ...] = get_args(Profile)
# Where a model is converted to run, as `modelyard convert --device` says it.
DEVICE: dict[Profile, str] = {"cpu": "CPU", "intel-gpu": "GPU", "intel-npu": "NPU", "cuda": "CPU"}
_OLDEST = (7, 5)  # compute capability: vLLM in the CUDA image was built for Turing and newer


@dataclass(frozen=True)
class Choice:
    """The profile, and a line for each device that says why it is used or not."""

    profile: Profile
    reasons: tuple[str, ...]


def choose(devices: Devices, wanted: str | None = None) -> Choice:
    """The profile that was asked for, else the fastest that can be used. Raises FieldRefused for an unknown name."""
    checks = {"cuda": _cuda(devices), "intel-gpu": _intel_gpu(devices), "intel-npu": _npu(devices)}
    reasons = tuple(f"{name}: {why}" for name, (_, why) in checks.items())
    reasons = (*reasons, f"cpu: {_cpu(devices)}")
    if wanted not in (None, "auto"):
        if wanted not in PROFILES:
            raise FieldRefused("--profile", f"'{wanted}' is none of {', '.join(PROFILES)}")
        return Choice(next(name for name in PROFILES if name == wanted), (f"{wanted}: as you asked", *reasons))
    usable = [name for name in ("cuda", "intel-gpu") if checks[name][0]]
    chosen: Profile = "cpu" if not usable else "cuda" if usable[0] == "cuda" else "intel-gpu"
    return Choice(chosen, reasons)


def _cuda(devices: Devices) -> tuple[bool, str]:
    """Whether the CUDA profile would be chosen, and why."""
    if not devices.gpus:
        if devices.nvidia_cards:
            return False, "there is an NVIDIA card, and no driver that answers; modelyard doctor says what to install"
        return False, "no NVIDIA card"
    names = ", ".join(f"{gpu.name} ({gpu.memory / 1e9:.0f} GB)" for gpu in devices.gpus)
    if not devices.container_toolkit:
        return False, f"{names}, but no NVIDIA Container Toolkit; modelyard doctor says how to install it"
    if all(gpu.compute_capability < _OLDEST for gpu in devices.gpus):
        return False, f"{names}: older than compute capability {'.'.join(map(str, _OLDEST))}"
    return True, f"{names}, with driver and container toolkit"


def _intel_gpu(devices: Devices) -> tuple[bool, str]:
    if not devices.intel_gpus:
        return False, "no Intel GPU"
    if not any(device.node for device in devices.intel_gpus):
        return (
            False,
            "an Intel GPU without a render node in /dev/dri; modelyard doctor says what is missing",
        )
    with_memory = [device for device in devices.intel_gpus if device.node and not device.integrated]
    if not with_memory:
        return False, (
            "a GPU within the processor, which reads the same memory as its cores and is often no faster; "
            "--profile intel-gpu uses it"
        )
    return True, f"a card at {with_memory[0].address} with render node {with_memory[0].node}"


def _npu(devices: Devices) -> tuple[bool, str]:
    if not devices.npus:
        return False, "no Intel NPU"
    if not any(device.node for device in devices.npus):
        return False, "there is an Intel NPU, and no /dev/accel node of it; its driver (intel_vpu) is missing"
    return False, "an NPU answers one request at a time, so it is used only when asked for: --profile intel-npu"


def _cpu(devices: Devices) -> str:
    for flag, words in (
        ("amx_tile", "with AMX: fast int8 and bfloat16"),
        ("avx512_vnni", "with AVX-512 and VNNI: fast int8"),
        ("avx512f", "with AVX-512"),
        ("avx_vnni", "with AVX2 and VNNI: fast int8"),
        ("avx2", "with AVX2"),
    ):
        if flag in devices.flags:
            return f"a processor {words}"
    return "a processor without AVX2: it works, and slowly"

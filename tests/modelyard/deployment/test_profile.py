"""Which profile is chosen, and what is said of the others."""

from __future__ import annotations

import pytest

from modelyard.deployment.devices import Devices, PciDevice
from modelyard.deployment.profile import choose
from modelyard.errors import FieldRefused
from modelyard.gpus import Gpu

L4 = Gpu("NVIDIA L4", 24 * 10**9, (8, 9))
P100 = Gpu("Tesla P100", 16 * 10**9, (6, 0))
CARD = PciDevice("0000:65:00.0", driver="nvidia")
ARC = PciDevice("0000:03:00.0", driver="xe", node="/dev/dri/renderD128")
WITHIN = PciDevice("0000:00:02.0", driver="i915", node="/dev/dri/renderD128")
NPU = PciDevice("0000:00:0b.0", driver="intel_vpu", node="/dev/accel/accel0")


def reason(devices: Devices, name: str) -> str:
    return next(line for line in choose(devices).reasons if line.startswith(f"{name}: "))


@pytest.mark.parametrize(
    ("devices", "profile"),
    [
        (Devices(), "cpu"),
        (Devices(gpus=(L4,), nvidia_cards=(CARD,), container_toolkit=True), "cuda"),
        (Devices(gpus=(L4,), nvidia_cards=(CARD,)), "cpu"),
        (Devices(nvidia_cards=(CARD,), container_toolkit=True), "cpu"),
        (Devices(gpus=(P100,), nvidia_cards=(CARD,), container_toolkit=True), "cpu"),
        (Devices(gpus=(L4,), nvidia_cards=(CARD,), container_toolkit=True, intel_gpus=(ARC,)), "cuda"),
        (Devices(gpus=(L4,), nvidia_cards=(CARD,), intel_gpus=(ARC,)), "intel-gpu"),
        (Devices(intel_gpus=(ARC,)), "intel-gpu"),
        (Devices(intel_gpus=(WITHIN,)), "cpu"),
        (Devices(intel_gpus=(WITHIN, ARC)), "intel-gpu"),
        (Devices(intel_gpus=(PciDevice("0000:03:00.0"),)), "cpu"),
        (Devices(npus=(NPU,)), "cpu"),
    ],
)
def test_the_fastest_that_can_be_used_is_chosen(devices: Devices, profile: str) -> None:
    assert choose(devices).profile == profile
    assert choose(devices, "auto").profile == profile


@pytest.mark.parametrize(
    ("devices", "name", "words"),
    [
        (Devices(gpus=(L4,), nvidia_cards=(CARD,)), "cuda", "no NVIDIA Container Toolkit"),
        (Devices(nvidia_cards=(CARD,)), "cuda", "no driver that answers"),
        (Devices(gpus=(P100,), container_toolkit=True), "cuda", "older than compute capability 7.5"),
        (Devices(intel_gpus=(WITHIN,)), "intel-gpu", "--profile intel-gpu uses it"),
        (Devices(intel_gpus=(PciDevice("0000:03:00.0"),)), "intel-gpu", "without a render node"),
        (Devices(npus=(NPU,)), "intel-npu", "--profile intel-npu"),
        (Devices(npus=(PciDevice("0000:00:0b.0"),)), "intel-npu", "intel_vpu"),
        (Devices(flags=frozenset({"avx2", "amx_tile"})), "cpu", "AMX"),
        (Devices(), "cpu", "without AVX2"),
    ],
)
def test_every_device_has_its_reason(devices: Devices, name: str, words: str) -> None:
    assert words in reason(devices, name)


def test_what_was_asked_for_wins() -> None:
    choice = choose(Devices(gpus=(L4,), container_toolkit=True), "cpu")
    assert choice.profile == "cpu"
    assert choice.reasons[0] == "cpu: as you asked"


def test_an_unknown_profile_is_refused_by_name() -> None:
    with pytest.raises(FieldRefused, match="'rocm' is none of cpu, intel-gpu, intel-npu, cuda"):
        choose(Devices(), "rocm")

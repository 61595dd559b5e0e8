"""NVIDIA's and Intel's devices: whether a container could use those that are in this host.

A device that lacks something is a problem only where the profile that is wanted needs it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from modelyard.deployment.devices import Devices
from modelyard.deployment.doctor.findings import Finding, Mend, ok, problem, warning
from modelyard.deployment.obtaining import lacks_npu_driver
from modelyard.deployment.profile import Profile

# Of the CUDA that is in the CUDA image; NVIDIA's table of minimum drivers for CUDA 13.
OLDEST_DRIVER = (580, 65)
# From NVIDIA's own repository, as the role cuda_host does: Debian 12 has the driver 535, and Debian 13 has 550.
_REPOSITORY = "https://developer.download.nvidia.com/compute/cuda/repos"
_DRIVER = Mend(
    f". /etc/os-release && wget {_REPOSITORY}/$ID${{VERSION_ID/./}}/x86_64/cuda-keyring_1.1-1_all.deb && "
    "sudo apt-get install ./cuda-keyring_1.1-1_all.deb && sudo apt-get update && "
    "sudo apt-get install linux-headers-$(uname -r) nvidia-open (on Debian with its component contrib); then reboot",
    f"sudo dnf config-manager --add-repo {_REPOSITORY}/rhel$(rpm -E %rhel)/x86_64/cuda-rhel$(rpm -E %rhel).repo && "
    "sudo dnf module install nvidia-driver:open-dkms, with DKMS from EPEL (RHEL 10 has no modules: sudo dnf install "
    "nvidia-open); then reboot",
)
_TOOLKIT = Mend(
    "sudo apt-get install nvidia-container-toolkit (NVIDIA's repository) && "
    "sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker",
    "sudo dnf install nvidia-container-toolkit (NVIDIA's repository) && "
    "sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker",
)
_NOUVEAU = Mend(
    "echo 'blacklist nouveau' | sudo tee /etc/modprobe.d/nouveau.conf && sudo update-initramfs -u && sudo reboot",
    "echo 'blacklist nouveau' | sudo tee /etc/modprobe.d/nouveau.conf && sudo dracut --force && sudo reboot",
)
_KERNEL = Mend(
    "sudo apt-get install --install-recommends linux-image-amd64 firmware-misc-nonfree && sudo reboot",
    "sudo dnf upgrade kernel linux-firmware && sudo reboot",
)
_NPU = Mend(
    "sudo modprobe intel_vpu; its firmware comes with intel-fw-npu of Intel's linux-npu-driver releases",
    "sudo modprobe intel_vpu; its firmware comes with linux-firmware or Intel's linux-npu-driver releases",
)
_NPU_IMAGE = Mend.same(
    "export DRIVER_URLS='https://HOST/intel-level-zero-npu....deb#sha256=... "
    "https://HOST/intel-driver-compiler-npu....deb#sha256=...' (deploy/docker/README.md says where they are), "
    "then modelyard up --build"
)
_SIGN = Mend.same("sudo mokutil --import the key that signed the module (or switch Secure Boot off), then reboot")


def check_nvidia(devices: Devices, wanted: Profile | None, root: Path = Path("/")) -> Iterator[Finding]:
    found = problem if wanted == "cuda" else warning
    if not devices.nvidia_cards and not devices.gpus:
        if wanted == "cuda":
            yield problem("nvidia", "the profile cuda needs an NVIDIA card, and there is none on the bus")
        return
    if not devices.gpus:
        yield _without_driver(devices, root, wanted)
        return
    names = ", ".join(gpu.name for gpu in devices.gpus)
    version = devices.nvidia_driver or "of an unknown version"
    if devices.nvidia_driver is not None and _numbers(devices.nvidia_driver) < OLDEST_DRIVER:
        need = ".".join(map(str, OLDEST_DRIVER))
        yield found("nvidia driver", f"driver {version} is older than {need}, which the CUDA image needs", _DRIVER)
    else:
        yield ok("nvidia driver", f"{names}, driver {version}")
    if devices.container_toolkit:
        yield ok("nvidia toolkit", "NVIDIA's container toolkit is installed")
    else:
        yield found("nvidia toolkit", "NVIDIA's container toolkit is missing: containers get no GPU", _TOOLKIT)


def _without_driver(devices: Devices, root: Path, wanted: Profile | None) -> Finding:
    found = problem if wanted == "cuda" else warning
    drivers = {card.driver for card in devices.nvidia_cards}
    if "nouveau" in drivers:
        return found("nvidia driver", "the card is held by nouveau, which cannot compute", _NOUVEAU)
    if "vfio-pci" in drivers:
        return found("nvidia driver", "the card is reserved for virtual machines (vfio-pci)")
    if "nvidia" in drivers:
        return found(
            "nvidia driver",
            "the driver is loaded and does not answer",
            Mend.same("nvidia-smi; sudo dmesg | grep -i nvrm"),
        )
    if _secure_boot(root) and (root / "usr/bin/nvidia-smi").exists():
        return found(
            "nvidia driver", "the driver is installed and not loaded: Secure Boot wants its module signed", _SIGN
        )
    return found("nvidia driver", "there is an NVIDIA card and no driver for it", _DRIVER)


def _secure_boot(root: Path) -> bool:
    """The last byte of the firmware's variable says so."""
    for path in (root / "sys/firmware/efi/efivars").glob("SecureBoot-*"):
        try:
            return path.read_bytes()[-1:] == b"\x01"
        except OSError:
            return False
    return False


def check_npu_driver(drivers: str | None, *, builds: bool, given: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Whether the image for Intel's devices brings the driver that Debian has not.

    `drivers` is what the image that is here says of itself, None when none is here; `builds` says that one is to be
    built.
    """
    if builds and lacks_npu_driver(given):
        yield problem(
            "npu driver", "the image would be built without the NPU's driver, which Debian has not", _NPU_IMAGE
        )
    elif not builds and drivers is not None and "npu" not in drivers:
        yield warning(
            "npu driver", "the image that is here names no driver of an NPU: models cannot use it", _NPU_IMAGE
        )
    elif builds or drivers is not None:
        yield ok("npu driver", "the image has packages of its own for it")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:2]))


def check_intel(devices: Devices, wanted: Profile | None) -> Iterator[Finding]:
    yield from _gpu(devices, wanted)
    yield from _accelerator(devices, wanted)


def _gpu(devices: Devices, wanted: Profile | None) -> Iterator[Finding]:
    found = problem if wanted == "intel-gpu" else warning
    if not devices.intel_gpus:
        if wanted == "intel-gpu":
            yield problem("intel gpu", "the profile intel-gpu needs an Intel GPU, and there is none on the bus")
        return
    ready = [device for device in devices.intel_gpus if device.node]
    if not ready:
        drivers = ", ".join(sorted({device.driver or "none" for device in devices.intel_gpus}))
        yield found("intel gpu", f"no render node in /dev/dri (driver: {drivers}); i915 or xe makes one", _KERNEL)
        return
    yield ok("intel gpu", f"{ready[0].node}, driver {ready[0].driver or 'unknown'}")
    if devices.render_gid == 0:
        node = ready[0].node
        yield found(
            "render group",
            f"{node} belongs to root, so a container without root cannot open it",
            Mend.same(f"sudo groupadd --force --system render && sudo chgrp render {node} && sudo chmod 660 {node}"),
        )


def _accelerator(devices: Devices, wanted: Profile | None) -> Iterator[Finding]:
    found = problem if wanted == "intel-npu" else warning
    if not devices.npus:
        if wanted == "intel-npu":
            yield problem("intel npu", "the profile intel-npu needs an Intel NPU, and there is none on the bus")
        return
    ready = [device for device in devices.npus if device.node]
    if ready:
        yield ok("intel npu", f"{ready[0].node}, driver {ready[0].driver or 'unknown'}")
    else:
        yield found("intel npu", "there is an NPU and no /dev/accel/accel0: its driver intel_vpu is not loaded", _NPU)

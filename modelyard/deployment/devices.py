"""The devices of this host that models can run on, read from /proc, /sys and /dev.

Knows where the kernel tells of them, and that a card may be there without its driver; chooses nothing. Every path is
under `root`, so that a test can give a tree of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from modelyard.gpus import Gpu, find_gpus

_NVIDIA, _INTEL = "0x10de", "0x8086"
_DISPLAY = "0x03"  # PCI class of display controllers; 3D controllers are among them
_ACCELERATOR = "0x1200"  # PCI class of processing accelerators
FLAGS = ("amx_tile", "avx512f", "avx512_vnni", "avx_vnni", "avx2")
_TOOLKIT = ("usr/bin/nvidia-container-runtime-hook", "usr/bin/nvidia-ctk", "usr/local/bin/nvidia-ctk")
_RENDER_NODES = "renderD"


@dataclass(frozen=True)
class PciDevice:
    """One device: `address` as 0000:03:00.0; `driver` and `node` (its file under /dev) are empty when it has none."""

    address: str
    driver: str = ""
    node: str = ""

    @property
    def integrated(self) -> bool:
        """Whether it is part of the processor: those of Intel sit on the root bus."""
        return self.address.startswith("0000:00:")


@dataclass(frozen=True)
class Devices:
    """What was found. `gpus` are NVIDIA's as its driver tells of them, `nvidia_cards` those on the bus."""

    gpus: tuple[Gpu, ...] = ()
    nvidia_cards: tuple[PciDevice, ...] = ()
    nvidia_driver: str | None = None
    container_toolkit: bool = False
    intel_gpus: tuple[PciDevice, ...] = ()
    npus: tuple[PciDevice, ...] = ()
    flags: frozenset[str] = field(default_factory=frozenset)
    # Groups of the device files: a container gets the numbers, since the names may mean others there.
    render_gid: int | None = None
    accel_gid: int | None = None


def find_devices(root: Path = Path("/"), *, gpus: Callable[[], tuple[Gpu, ...]] = find_gpus) -> Devices:
    """Look at everything; what cannot be read is not there."""
    on_bus = _pci_devices(root)
    intel = tuple(device for device, vendor, kind in on_bus if vendor == _INTEL and kind.startswith(_DISPLAY))
    cards = tuple(device for device, vendor, kind in on_bus if vendor == _NVIDIA and kind.startswith(_DISPLAY))
    npus = tuple(device for device, vendor, kind in on_bus if vendor == _INTEL and kind.startswith(_ACCELERATOR))
    return Devices(
        gpus=gpus(),
        nvidia_cards=cards,
        nvidia_driver=_nvidia_driver(root),
        container_toolkit=any((root / path).exists() for path in _TOOLKIT),
        intel_gpus=intel,
        npus=npus,
        flags=_cpu_flags(root),
        render_gid=_group_of(root, intel),
        accel_gid=_group_of(root, npus),
    )


def _pci_devices(root: Path) -> list[tuple[PciDevice, str, str]]:
    """Each device with its vendor and class."""
    nodes = _nodes(root, "drm", _RENDER_NODES, "dev/dri") | _nodes(root, "accel", "accel", "dev/accel")
    found = []
    for folder in _listed(root / "sys/bus/pci/devices"):
        driver = folder / "driver"
        name = driver.resolve().name if driver.exists() else ""
        device = PciDevice(folder.name, driver=name, node=nodes.get(folder.name, ""))
        found.append((device, _line(folder / "vendor"), _line(folder / "class")))
    return found


def _nodes(root: Path, kind: str, prefix: str, folder: str) -> dict[str, str]:
    """For each PCI address the file under /dev, when it is there."""
    found = {}
    for entry in _listed(root / "sys/class" / kind):
        node = root / folder / entry.name
        if entry.name.startswith(prefix) and node.exists():
            found[(entry / "device").resolve().name] = f"/{folder}/{entry.name}"
    return found


def _nvidia_driver(root: Path) -> str | None:
    """The version of the kernel module, as `580.95.05`."""
    words = _line(root / "proc/driver/nvidia/version").split()
    return next((word for word in words if word[0].isdigit() and "." in word), None)


def _cpu_flags(root: Path) -> frozenset[str]:
    try:
        lines = (root / "proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    said = next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), [])
    return frozenset(said) & frozenset(FLAGS)


def _group_of(root: Path, devices: tuple[PciDevice, ...]) -> int | None:
    """The group that owns the first device's file."""
    node = next((device.node for device in devices if device.node), None)
    try:
        return (root / node.lstrip("/")).stat().st_gid if node is not None else None
    except OSError:
        return None


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _line(path: Path) -> str:
    try:
        return next(iter(path.read_text().splitlines()), "").strip()
    except OSError:
        return ""

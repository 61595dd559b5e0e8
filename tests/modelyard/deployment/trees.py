"""A host as a tree of files: /proc, /sys and /dev with the devices that a test wants."""

from __future__ import annotations

from pathlib import Path


class Tree:
    """The root of a host that has nothing yet."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def cpu(self, *flags: str) -> None:
        self.write("proc/cpuinfo", f"processor\t: 0\nmodel name\t: Test\nflags\t\t: fpu vme {' '.join(flags)} ht\n")

    def pci(self, address: str, *, vendor: str, kind: str, driver: str = "") -> Path:
        device = self.root / "sys/devices/pci0000:00" / address
        device.mkdir(parents=True)
        (device / "vendor").write_text(f"{vendor}\n")
        (device / "class").write_text(f"{kind}\n")
        if driver:
            folder = self.root / "sys/bus/pci/drivers" / driver
            folder.mkdir(parents=True, exist_ok=True)
            (device / "driver").symlink_to(folder)
        listed = self.root / "sys/bus/pci/devices"
        listed.mkdir(parents=True, exist_ok=True)
        (listed / address).symlink_to(device)
        return device

    def node(self, device: Path, *, kind: str, name: str, folder: str) -> None:
        """The device's file under /dev, and the kernel's word that it is this device's."""
        entry = self.root / "sys/class" / kind / name
        entry.mkdir(parents=True)
        (entry / "device").symlink_to(device)
        self.write(f"{folder}/{name}", "")

    def intel_gpu(self, address: str = "0000:03:00.0", *, render: str | None = "renderD128") -> None:
        device = self.pci(address, vendor="0x8086", kind="0x030000", driver="xe" if render else "")
        if render:
            self.node(device, kind="drm", name=render, folder="dev/dri")

    def npu(self, *, with_driver: bool = True) -> None:
        device = self.pci("0000:00:0b.0", vendor="0x8086", kind="0x120000", driver="intel_vpu" if with_driver else "")
        if with_driver:
            self.node(device, kind="accel", name="accel0", folder="dev/accel")

    def nvidia_card(self, driver: str = "", address: str = "0000:65:00.0") -> None:
        self.pci(address, vendor="0x10de", kind="0x030200", driver=driver)

    def nvidia_driver(self, version: str) -> None:
        self.write(
            "proc/driver/nvidia/version",
            f"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {version}  Release Build\nGCC version:  gcc\n",
        )

    def toolkit(self) -> None:
        self.write("usr/bin/nvidia-ctk", "")

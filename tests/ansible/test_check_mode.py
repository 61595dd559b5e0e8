"""The roles of devices in check mode, and what they refuse, on hosts that have the devices by word only.

The tasks are the real ones, on this machine; what they would find on its bus is given to them. Nothing here shows what
a driver does: that takes the device.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.ansible import tools
from tests.ansible.conftest import DEBIAN, NOBLE, RHEL

METAL = {
    "architecture": "x86_64",
    "kernel": "6.1.0-40-amd64",
    "virtualization_role": "host",
    "virtualization_type": "kvm",
}


def facts(distribution: dict[str, str]) -> dict[str, str]:
    return {**METAL, **distribution, "distribution_major_version": distribution["distribution_version"].split(".")[0]}


def words(done: subprocess.CompletedProcess[str], host: str) -> str:
    """What was said about a host, without the breaks that are only there for the screen."""
    parts = done.stdout.split("fatal: [")
    return " ".join(" ".join(part for part in parts if part.startswith(f"{host}]")).split())


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """Both roles with --check, as on hosts that have nothing yet."""
    common = {"modelyard_deploy_mode": "docker", "modelyard_bundle": "/srv/bundle", "facts": facts(DEBIAN)}
    return tools.play(
        tmp_path_factory.mktemp("check"),
        [
            {**tools.role("cuda_host"), "when": "found.nvidia"},
            {**tools.role("intel_host"), "when": "not found.nvidia"},
        ],
        {
            "cuda": {**common, "found": {"nvidia": True}, "cuda_host_driver_branch": "580"},
            "intel": {
                **common,
                "found": {"nvidia": False, "intel_gpu": True, "intel_npu": True},
                "intel_host_npu": True,
            },
        },
        "--check",
        "--diff",
        base_devices="{{ found }}",
    )


def test_check_mode_goes_through_to_the_end(checked: subprocess.CompletedProcess[str]) -> None:
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.count("failed=0") == 2


def test_check_mode_shows_what_would_be_written_and_writes_nothing(checked: subprocess.CompletedProcess[str]) -> None:
    assert "+options nouveau modeset=0" in checked.stdout
    assert '+SUBSYSTEM=="accel"' in checked.stdout
    for path in (
        "/etc/modprobe.d/blacklist-nouveau.conf",
        "/etc/udev/rules.d/10-intel-vpu.rules",
        "/etc/modules-load.d/modelyard-npu.conf",
    ):
        assert not Path(path).exists()


CUDA: dict[str, dict[str, Any]] = {
    "signed-only": {"facts": facts(DEBIAN), "secure_boot": "   1"},
    "enrolled": {"facts": facts(DEBIAN), "secure_boot": "   1", "cuda_host_secure_boot": "enrolled"},
    "old": {"facts": facts(DEBIAN), "cuda_host_driver_source": "distribution"},
    "lowered": {
        "facts": facts(DEBIAN),
        "cuda_host_driver_source": "distribution",
        "cuda_host_minimum_driver": "535",
    },
    "unbranched": {"facts": facts(NOBLE), "cuda_host_driver_source": "distribution"},
    "none": {"facts": facts(DEBIAN), "found": {"nvidia": False, "intel_gpu": True, "intel_npu": False}},
}


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """What cuda_host says before it installs anything."""
    usual = {"found": {"nvidia": True, "intel_gpu": False, "intel_npu": False}, "secure_boot": "0"}
    return tools.play(
        tmp_path_factory.mktemp("refused"),
        [tools.role("cuda_host", "preflight")],
        {name: {**usual, **variables} for name, variables in CUDA.items()},
        base_devices="{{ found }}",
        __cuda_host_secure_boot={"stdout": "{{ secure_boot }}"},
        __cuda_host_module={"stat": {"exists": False}},
    )


@pytest.mark.parametrize(
    ("host", "sentences"),
    [
        ("signed-only", ["Secure Boot is on, on signed-only", "mokutil --import", "cuda_host_secure_boot to enrolled"]),
        ("old", ["Debian bookworm has the driver of branch 535", "asks for 580", "driver_source to cuda_repository"]),
        ("unbranched", ["Set cuda_host_driver_branch"]),
        ("none", ["has no GPU of NVIDIA that it can see"]),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_installed(
    host: str, sentences: list[str], refused: subprocess.CompletedProcess[str]
) -> None:
    assert [sentence for sentence in sentences if sentence not in words(refused, host)] == []


@pytest.mark.parametrize("host", ["enrolled", "lowered"])
def test_what_can_be_is_not_refused(host: str, refused: subprocess.CompletedProcess[str]) -> None:
    assert words(refused, host) == "", refused.stdout
    assert host in refused.stdout


def test_a_gpu_that_nouveau_holds_is_said_to_be(tmp_path: Path) -> None:
    """Not in check mode, where it stops nobody: of load.yml only what looks is left to do on such hosts."""
    done = tools.play(
        tmp_path,
        [tools.role("cuda_host", "load")],
        {
            "held": {"facts": facts(DEBIAN), "nouveau": True, "versions": ["none", "580.95.05"]},
            "dracut": {"facts": facts(RHEL), "nouveau": True, "versions": ["none", "580.95.05"]},
            "other": {"facts": facts(DEBIAN), "nouveau": False, "versions": ["535.0", "580.95.05"]},
            "loaded": {"facts": facts(DEBIAN), "nouveau": False, "versions": ["580.95.05", "580.95.05"]},
        },
        __cuda_host_versions={"stdout_lines": "{{ versions }}"},
        __cuda_host_nouveau={"stat": {"exists": "{{ nouveau }}"}},
    )
    assert "nouveau, the kernel's own driver, holds the GPUs of held" in words(done, "held")
    assert "cuda_host_reboot" in words(done, "held")
    assert "update-initramfs -u" in words(done, "held")
    assert "dracut --force" in words(done, "dracut")
    assert "needs a reboot to be used (another version is loaded)" in words(done, "other")
    assert words(done, "loaded") == ""

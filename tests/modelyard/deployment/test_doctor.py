"""The findings of `modelyard doctor`: what is right, what is wrong, and what to type."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelyard.deployment.devices import Devices, PciDevice, find_devices
from modelyard.deployment.doctor import accelerators, engine, machine
from modelyard.deployment.doctor.findings import Family, Finding, Mend, family_of, problem
from modelyard.deployment.doctor.network import registry_of
from modelyard.deployment.errors import ComposeMissing, DockerUnreachable
from modelyard.gpus import Gpu
from tests.modelyard.deployment.trees import Tree

ROOT = Path(__file__).resolve().parents[3]
L4 = Gpu("NVIDIA L4", 24 * 10**9, (8, 9))
CARD = PciDevice("0000:65:00.0", driver="nvidia")
INFO: dict[str, Any] = {
    "ServerVersion": "29.1.3",
    "MemoryLimit": True,
    "CpuCfsQuota": True,
    "PidsLimit": True,
    "CgroupVersion": "2",
    "Driver": "overlay2",
    "SecurityOptions": ["name=seccomp,profile=default"],
}


def by_name(findings: Any) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def mended(finding: Finding) -> str:
    assert finding.mend is not None
    return finding.mend.on("debian")


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("ID=debian\n", "debian"),
        ('ID=ubuntu\nID_LIKE="debian"\n', "debian"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "rhel"),
        ("ID=linuxmint\nID_LIKE='ubuntu debian'\n", "debian"),
        ("ID=arch\n", None),
    ],
)
def test_the_family_of_a_distribution(tree: Tree, text: str, family: Family | None) -> None:
    tree.write("etc/os-release", text)
    assert family_of(tree.root) == family


def test_on_a_host_of_neither_family_both_commands_are_shown() -> None:
    mend = Mend("apt-get install x", "dnf install x")
    assert mend.on("rhel") == "dnf install x"
    assert mend.on(None).splitlines() == ["Debian: apt-get install x", "RHEL: dnf install x"]
    assert Mend.same("reboot").on(None) == "reboot"


def test_a_record_has_both_commands() -> None:
    assert problem("a", "b", Mend("x", "y")).as_record() == {
        "name": "a",
        "level": "problem",
        "what": "b",
        "mend": {"debian": "x", "rhel": "y"},
    }


# The engine


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (PermissionError(13, "Permission denied"), "usermod -aG docker"),
        (FileNotFoundError(2, "No such file"), "apt-get install docker.io"),
        (ConnectionRefusedError(111, "Connection refused"), "systemctl enable --now docker"),
    ],
)
def test_an_engine_that_does_not_answer(cause: OSError, words: str) -> None:
    finding = engine.unreachable(DockerUnreachable("unix:///var/run/docker.sock", cause))
    assert finding.level == "problem"
    assert words in mended(finding)


def test_an_engine_that_is_in_order() -> None:
    assert {finding.level for finding in engine.check_engine(INFO)} == {"ok"}


@pytest.mark.parametrize(
    ("change", "name", "level"),
    [
        ({"ServerVersion": "19.03.15"}, "docker", "problem"),
        ({"ServerVersion": ""}, "docker", "problem"),
        ({"MemoryLimit": False}, "limits", "warning"),
        ({"Driver": "vfs"}, "storage", "warning"),
        ({"SecurityOptions": ["name=userns"]}, "user namespaces", "warning"),
        ({"SecurityOptions": ["name=seccomp", "name=rootless"]}, "rootless", "ok"),
    ],
)
def test_what_an_engine_may_lack(change: dict[str, Any], name: str, level: str) -> None:
    assert by_name(engine.check_engine({**INFO, **change}))[name].level == level


def test_compose_that_is_missing() -> None:
    def find() -> tuple[str, ...]:
        raise ComposeMissing

    assert "apt-get install docker-compose" in mended(engine.check_compose(find))
    assert engine.check_compose(lambda: ("docker", "compose")).level == "ok"


def test_a_proxy_of_the_shell_that_the_engine_has_not() -> None:
    ours = {"HTTPS_PROXY": "http://user:secret@proxy.example:3128"}
    (found,) = engine.check_proxies(INFO, ours)
    assert found.level == "warning"
    assert "secret" not in found.what + mended(found)
    (found,) = engine.check_proxies({**INFO, "HttpsProxy": "http://proxy.example:3128"}, ours)
    assert found.level == "ok"
    assert list(engine.check_proxies(INFO, {})) == []


# The machine


@pytest.mark.parametrize(
    ("flags", "kind", "level"),
    [({"avx2"}, "x86_64", "ok"), (set(), "x86_64", "warning"), ({"avx2"}, "aarch64", "problem")],
)
def test_the_processor(flags: set[str], kind: str, level: str) -> None:
    assert machine.check_processor(frozenset(flags), kind).level == level


@pytest.mark.parametrize(("gib", "level"), [(1, "problem"), (4, "warning"), (16, "ok")])
def test_memory(gib: int, level: str) -> None:
    assert machine.check_memory(gib * 2**30).level == level


def test_disk_is_counted_for_images_that_are_not_here_yet(tmp_path: Path) -> None:
    free = 5 * 2**30
    assert machine.check_disk(tmp_path, "cpu", images_here=False, free=free).level == "problem"
    assert machine.check_disk(tmp_path, "cpu", images_here=True, free=free).level == "ok"
    assert machine.check_disk(tmp_path / "not/made", "cuda", images_here=False, free=100 * 2**30).level == "ok"


def test_a_port_that_is_taken_and_one_that_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        finding = machine.check_port("127.0.0.1", port, ours=False)
        assert finding.level == "problem"
        assert str(port) in mended(finding)
        assert machine.check_port("127.0.0.1", port, ours=True).level == "ok"
    assert machine.check_port("127.0.0.1", port, ours=False).level == "ok"


def test_an_address_of_another_host() -> None:
    assert machine.check_port("192.0.2.1", 11434, ours=False).level == "problem"


def test_selinux_is_a_matter_where_it_enforces_and_the_engine_labels(tree: Tree, tmp_path: Path) -> None:
    home, deploy = tmp_path / "home", tmp_path / "deploy"
    assert list(machine.check_selinux(tree.root, home, deploy, "name=selinux")) == []
    tree.write("sys/fs/selinux/enforce", "1")
    (found,) = machine.check_selinux(tree.root, home, deploy, "name=seccomp name=selinux")
    assert found.level == "warning"
    assert f"restorecon -R {home} {deploy}" in mended(found)
    (found,) = machine.check_selinux(tree.root, home, deploy, "name=seccomp")
    assert found.level == "ok"


def test_the_clock() -> None:
    assert [finding.level for finding in machine.check_time(lambda: False)] == ["warning"]
    assert [finding.level for finding in machine.check_time(lambda: True)] == ["ok"]
    assert list(machine.check_time(lambda: None)) == []


# NVIDIA


def nvidia(tree: Tree, *gpus: Gpu, wanted: Any = "cuda") -> dict[str, Finding]:
    return by_name(accelerators.check_nvidia(find_devices(tree.root, gpus=lambda: gpus), wanted, tree.root))


def test_cuda_in_order(tree: Tree) -> None:
    tree.nvidia_card(driver="nvidia")
    tree.nvidia_driver("580.95.05")
    tree.toolkit()
    assert {finding.level for finding in nvidia(tree, L4).values()} == {"ok"}


def test_a_driver_that_is_too_old_for_the_image(tree: Tree) -> None:
    tree.nvidia_card(driver="nvidia")
    tree.nvidia_driver("535.183.01")
    tree.toolkit()
    found = nvidia(tree, L4)["nvidia driver"]
    assert found.level == "problem"
    assert "535.183.01" in found.what


def test_a_driver_comes_from_where_there_is_one_that_is_new_enough(tree: Tree) -> None:
    tree.nvidia_card(driver="nvidia")
    tree.nvidia_driver("535.183.01")
    role = ansible_defaults("cuda_host")
    mend = nvidia(tree, L4)["nvidia driver"].mend
    assert mend is not None
    assert role["cuda_host_driver_source"] == "cuda_repository"
    assert str(accelerators.OLDEST_DRIVER[0]) == role["cuda_host_minimum_driver"]
    for command in (mend.debian, mend.rhel):
        assert role["cuda_host_cuda_repository_url"] in command
        assert "nvidia-open" in command
    assert role["cuda_host_cuda_keyring"] in mend.debian


def ansible_defaults(role: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / f"ansible/roles/{role}/defaults/main.yml").read_text())
    return found


def test_a_toolkit_that_is_missing(tree: Tree) -> None:
    tree.nvidia_card(driver="nvidia")
    tree.nvidia_driver("580.95.05")
    found = nvidia(tree, L4)["nvidia toolkit"]
    assert found.level == "problem"
    assert "nvidia-ctk runtime configure --runtime=docker" in mended(found)
    assert nvidia(tree, L4, wanted="cpu")["nvidia toolkit"].level == "warning"


@pytest.mark.parametrize(
    ("driver", "words"),
    [("nouveau", "nouveau"), ("vfio-pci", "virtual machines"), ("nvidia", "does not answer"), ("", "no driver for it")],
)
def test_a_card_that_does_not_answer(tree: Tree, driver: str, words: str) -> None:
    tree.nvidia_card(driver=driver)
    found = nvidia(tree)["nvidia driver"]
    assert (found.level, words in found.what) == ("problem", True)


def test_a_driver_that_secure_boot_keeps_out(tree: Tree) -> None:
    tree.nvidia_card()
    tree.write("usr/bin/nvidia-smi", "")
    variable = tree.write("sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", "")
    variable.write_bytes(b"\x06\x00\x00\x00\x01")
    assert "Secure Boot" in nvidia(tree)["nvidia driver"].what
    variable.write_bytes(b"\x06\x00\x00\x00\x00")
    assert "Secure Boot" not in nvidia(tree)["nvidia driver"].what


def test_a_host_without_a_card_is_in_order_unless_cuda_is_wanted(tree: Tree) -> None:
    assert nvidia(tree, wanted=None) == {}
    assert nvidia(tree)["nvidia"].level == "problem"


# Intel


def intel(devices: Devices, wanted: Any) -> dict[str, Finding]:
    return by_name(accelerators.check_intel(devices, wanted))


def test_an_intel_gpu_in_order(tree: Tree) -> None:
    tree.intel_gpu()
    devices = find_devices(tree.root, gpus=lambda: ())
    found = intel(devices, "intel-gpu")
    assert found["intel gpu"].level == "ok"


def test_a_render_node_that_belongs_to_root_cannot_be_opened_by_a_container_without_root() -> None:
    gpu = PciDevice("0000:03:00.0", driver="xe", node="/dev/dri/renderD128")
    found = intel(Devices(intel_gpus=(gpu,), render_gid=0), "intel-gpu")["render group"]
    assert found.level == "problem"
    assert "chgrp render /dev/dri/renderD128" in mended(found)
    assert "render group" not in intel(Devices(intel_gpus=(gpu,), render_gid=993), "intel-gpu")


def test_intel_devices_without_drivers(tree: Tree) -> None:
    tree.intel_gpu(render=None)
    tree.npu(with_driver=False)
    devices = find_devices(tree.root, gpus=lambda: ())
    assert intel(devices, "intel-gpu")["intel gpu"].level == "problem"
    assert intel(devices, "intel-gpu")["intel npu"].level == "warning"
    assert "intel_vpu" in intel(devices, "intel-npu")["intel npu"].what
    assert intel(devices, "intel-npu")["intel npu"].level == "problem"


@pytest.mark.parametrize(("wanted", "name"), [("intel-gpu", "intel gpu"), ("intel-npu", "intel npu")])
def test_a_profile_without_its_device(wanted: str, name: str) -> None:
    assert intel(Devices(), wanted)[name].level == "problem"
    assert intel(Devices(), None) == {}


URLS = {"DRIVER_URLS": "https://mirror.example/intel-level-zero-npu.deb#sha256=1"}


@pytest.mark.parametrize(
    ("drivers", "builds", "given", "level"),
    [
        (None, True, {}, "problem"),
        ("", True, {}, "problem"),
        (None, True, URLS, "ok"),
        (None, True, {"PYTHON_IMAGE": "registry.example/python-with-npu"}, "ok"),
        ("", False, URLS, "warning"),
        (URLS["DRIVER_URLS"], False, {}, "ok"),
        (None, False, {}, None),
    ],
)
def test_an_image_without_the_driver_of_the_npu(
    drivers: str | None, builds: bool, given: dict[str, str], level: str | None
) -> None:
    found = list(accelerators.check_npu_driver(drivers, builds=builds, given=given))
    assert [finding.level for finding in found] == ([level] if level else [])
    assert all("DRIVER_URLS" in mended(finding) for finding in found if level != "ok")


# The network


@pytest.mark.parametrize(
    ("prefix", "url"),
    [
        ("modelyard", "https://registry-1.docker.io/v2/"),
        ("someone/modelyard", "https://registry-1.docker.io/v2/"),
        ("registry.example:5000/team", "https://registry.example:5000/v2/"),
    ],
)
def test_the_registry_of_a_prefix(prefix: str, url: str) -> None:
    assert registry_of(prefix) == url

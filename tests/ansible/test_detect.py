"""Which group a host of model_servers is put into by what is on its bus, found in trees made up for it.

What decides here is what decides on one host: `modelyard up`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelyard.deployment.devices import find_devices
from modelyard.deployment.profile import choose
from modelyard.gpus import Gpu
from tests.ansible import tools
from tests.modelyard.deployment.trees import Tree

METAL = {"virtualization_role": "host", "virtualization_type": "kvm"}
CONTAINER = {"virtualization_role": "guest", "virtualization_type": "docker"}
L4 = Gpu("NVIDIA L4", 24 * 10**9, (8, 9))
GROUP = {"cuda": "cuda", "intel-gpu": "intel", "cpu": None}


def nothing(tree: Tree) -> None:
    tree.pci("0000:00:1f.6", vendor="0x8086", kind="0x020000", driver="e1000e")


def a_gpu_within_the_processor(tree: Tree) -> None:
    tree.intel_gpu("0000:00:02.0")


def a_card(tree: Tree) -> None:
    tree.intel_gpu()


def a_card_beside_the_one_within(tree: Tree) -> None:
    tree.intel_gpu("0000:00:02.0")
    tree.intel_gpu("0000:03:00.0", render="renderD129")


def a_card_that_the_kernel_does_not_drive(tree: Tree) -> None:
    tree.intel_gpu("0000:00:02.0")
    tree.intel_gpu("0000:03:00.0", render=None)


def an_npu(tree: Tree) -> None:
    tree.npu()


def a_core_ultra(tree: Tree) -> None:
    tree.intel_gpu("0000:00:02.0")
    tree.npu()


def nvidia(tree: Tree) -> None:
    """As cuda_host leaves it."""
    tree.nvidia_card(driver="nvidia")
    tree.nvidia_driver("580.95.05")
    tree.toolkit()


def nvidia_in_a_desktop(tree: Tree) -> None:
    nvidia(tree)
    tree.intel_gpu("0000:00:02.0")


def nvidia_beside_a_card(tree: Tree) -> None:
    nvidia(tree)
    a_card(tree)


HOSTS: tuple[Callable[[Tree], None], ...] = (
    nothing,
    a_gpu_within_the_processor,
    a_card,
    a_card_beside_the_one_within,
    a_card_that_the_kernel_does_not_drive,
    an_npu,
    a_core_ultra,
    nvidia,
    nvidia_in_a_desktop,
    nvidia_beside_a_card,
)


def looked_at(folder: Path, hosts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """By host: its devices and the groups that it is in after it was looked at. `root` is its tree."""
    about = {"devices": "{{ base_devices }}", "groups": "{{ group_names | reject('equalto', 'model_servers') | list }}"}
    detect = tools.role("base", "detect")
    return tools.said(folder, about, detect, hosts=hosts, groups=["model_servers"], _base_devices_root="{{ root }}")


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    found = {}
    for make in HOSTS:
        root = tmp_path_factory.mktemp(make.__name__)
        make(Tree(root))
        found[make.__name__] = root
    return found


@pytest.fixture(scope="module")
def detected(roots: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    hosts = {name: {"root": str(root), "facts": METAL} for name, root in roots.items()}
    return looked_at(tmp_path_factory.mktemp("detected"), hosts)


@pytest.mark.parametrize("name", [make.__name__ for make in HOSTS])
def test_the_group_is_what_modelyard_up_would_choose(
    name: str, roots: dict[str, Path], detected: dict[str, Any]
) -> None:
    gpus = (L4,) if detected[name]["devices"]["nvidia"] else ()
    group = GROUP[choose(find_devices(roots[name], gpus=lambda: gpus)).profile]
    assert detected[name]["groups"] == ([group] if group else [])


def test_what_is_not_chosen_is_known_all_the_same(detected: dict[str, Any]) -> None:
    """A host that the inventory puts into intel may have only one of these."""
    assert detected["a_core_ultra"]["devices"] == {
        "nvidia": False,
        "intel_gpu": True,
        "intel_card": False,
        "intel_npu": True,
    }


def test_a_card_of_nvidia_is_enough_since_its_driver_is_installed_then(tmp_path: Path) -> None:
    Tree(tmp_path / "root").nvidia_card()
    found = looked_at(tmp_path, {"new": {"root": str(tmp_path / "root"), "facts": METAL}})
    assert found["new"]["groups"] == ["cuda"]


def test_a_container_has_the_devices_whose_files_it_was_given(tmp_path: Path) -> None:
    hosts = {}
    for name in ("given", "seen"):
        tree = Tree(tmp_path / name)
        tree.intel_gpu()
        tree.npu()
        hosts[name] = {"root": str(tree.root), "facts": CONTAINER}
    for file in ("dri/renderD128", "accel/accel0"):
        (tmp_path / "seen/dev" / file).unlink()
    found = looked_at(tmp_path, hosts)
    assert found["given"]["groups"] == ["intel"]
    assert found["seen"]["groups"] == []
    assert not any(found["seen"]["devices"].values())

"""What is found on a host, from its tree of files."""

from __future__ import annotations

from modelyard.deployment.devices import Devices, find_devices
from modelyard.gpus import Gpu
from tests.modelyard.deployment.trees import Tree

L4 = Gpu("NVIDIA L4", 24 * 10**9, (8, 9))


def found(tree: Tree, *gpus: Gpu) -> Devices:
    return find_devices(tree.root, gpus=lambda: gpus)


def test_a_host_without_any_of_these_trees_has_no_devices(tree: Tree) -> None:
    assert found(tree) == Devices()


def test_only_the_flags_that_matter_are_told(tree: Tree) -> None:
    tree.cpu("sse4_2", "avx2", "avx512f", "amx_tile")
    assert found(tree).flags == {"avx2", "avx512f", "amx_tile"}


def test_an_intel_card_with_its_render_node_and_the_node_s_group(tree: Tree) -> None:
    tree.intel_gpu()
    devices = found(tree)
    (gpu,) = devices.intel_gpus
    assert (gpu.address, gpu.driver, gpu.node) == ("0000:03:00.0", "xe", "/dev/dri/renderD128")
    assert not gpu.integrated
    assert devices.render_gid == (tree.root / "dev/dri/renderD128").stat().st_gid
    assert devices.accel_gid is None


def test_a_gpu_within_the_processor_is_known_by_its_bus(tree: Tree) -> None:
    tree.intel_gpu("0000:00:02.0")
    assert found(tree).intel_gpus[0].integrated


def test_an_intel_card_without_a_driver_has_no_node(tree: Tree) -> None:
    tree.intel_gpu(render=None)
    (gpu,) = found(tree).intel_gpus
    assert (gpu.driver, gpu.node) == ("", "")


def test_an_npu(tree: Tree) -> None:
    tree.npu()
    devices = found(tree)
    assert devices.npus[0].node == "/dev/accel/accel0"
    assert devices.intel_gpus == ()
    assert devices.accel_gid is not None


def test_an_nvidia_card_is_on_the_bus_also_without_a_driver(tree: Tree) -> None:
    tree.nvidia_card(driver="nouveau")
    devices = found(tree)
    assert [card.driver for card in devices.nvidia_cards] == ["nouveau"]
    assert devices.gpus == ()
    assert devices.nvidia_driver is None


def test_driver_and_toolkit(tree: Tree) -> None:
    tree.nvidia_card(driver="nvidia")
    tree.nvidia_driver("580.95.05")
    tree.toolkit()
    devices = found(tree, L4)
    assert devices.nvidia_driver == "580.95.05"
    assert devices.container_toolkit
    assert devices.gpus == (L4,)


def test_network_cards_and_disks_are_nobody_s_accelerators(tree: Tree) -> None:
    tree.pci("0000:00:1f.6", vendor="0x8086", kind="0x020000", driver="e1000e")
    tree.pci("0000:01:00.1", vendor="0x10de", kind="0x040300", driver="snd_hda_intel")
    assert found(tree) == Devices()

"""What cuda_host writes and runs is what NVIDIA documents; documented/nvidia.yml names the page of each line.

Nothing here ran on a machine with a GPU: it shows that addresses, packages and commands are those of the vendor.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.ansible import tools
from tests.ansible.conftest import Rendered

TASKS = tools.COLLECTION / "roles/cuda_host/tasks"


def test_the_key_of_the_cuda_repository_comes_from_where_nvidia_has_it(rendered: Rendered, nvidia: Any) -> None:
    assert rendered["ubuntu-22"]["cuda_keyring"] == nvidia["cuda_keyring"]["ubuntu2204"]
    assert rendered["debian"]["cuda_keyring"] == nvidia["cuda_keyring_debian"]["debian12"]


def test_arm_servers_have_their_own_folder_of_the_cuda_repository(rendered: Rendered) -> None:
    assert "/ubuntu2404/sbsa/" in rendered["ubuntu-arm"]["cuda_keyring"]


def test_debian_gets_the_component_that_nvidia_asks_for(nvidia: Any) -> None:
    tasks = tools.load(TASKS / "driver-cuda_repository-debian.yml")
    components = next(task["vars"]["cuda_host_components"] for task in tasks if "vars" in task)
    assert components == [nvidia["cuda_keyring_debian"]["component"]]


@pytest.mark.parametrize("host", ["debian", "ubuntu-22", "ubuntu-24", "rhel-9", "rocky-9"])
def test_the_driver_is_the_package_that_nvidia_names(host: str, rendered: Rendered, nvidia: Any) -> None:
    assert rendered[host]["cuda_packages"] == [nvidia["driver"]["package"]]


def test_old_cards_get_proprietary_modules_of_a_branch_that_has_them(rendered: Rendered, nvidia: Any) -> None:
    assert rendered["old-card"]["cuda_packages"] == [nvidia["proprietary"]["package"]]
    assert rendered["old-card"]["cuda_stream"] == "580-dkms"
    assert f"< {nvidia['proprietary']['first_branch_without']}" in (TASKS / "preflight.yml").read_text()


def test_rhel_9_enables_the_stream_that_nvidia_names(rendered: Rendered, nvidia: Any) -> None:
    streams = nvidia["driver"]["rhel_8_9"]
    assert streams["latest"].endswith(f"nvidia-driver:{rendered['rhel-9']['cuda_stream']}")
    assert streams["branch_580"].endswith(f"nvidia-driver:{rendered['rocky-9']['cuda_stream']}")


def test_rhel_10_locks_the_versions_that_nvidia_locks(nvidia: Any) -> None:
    tasks = tools.load(TASKS / "driver-cuda_repository-redhat.yml")
    lock = next(task for task in tasks if "community.general.dnf_versionlock" in task)
    pattern = lock["community.general.dnf_versionlock"]["name"].replace("{{ cuda_host_driver_branch }}", "580")
    assert nvidia["driver"]["rhel_10"]["branch_580"].replace("\\", "").endswith(f" {pattern}")


def test_a_branch_is_held_by_the_package_for_it(rendered: Rendered) -> None:
    assert rendered["ubuntu-24"]["cuda_pinning"] == "nvidia-driver-pinning-580"


def test_the_modules_are_built_for_the_kernel_that_runs(rendered: Rendered) -> None:
    assert rendered["debian"]["cuda_headers"] == ["linux-headers-6.1.0-40-amd64"]
    assert "kernel-devel-6.1.0-40-amd64" in rendered["rhel-9"]["cuda_headers"]


def test_the_drivers_of_distributions_are_theirs(rendered: Rendered) -> None:
    assert rendered["ubuntu-own"]["cuda_packages"] == ["nvidia-headless-580-server-open", "nvidia-utils-580-server"]
    assert {"nvidia-driver", "nvidia-open-kernel-dkms"} <= set(rendered["debian-own"]["cuda_packages"])


def test_nouveau_is_kept_away_as_nvidia_says(rendered: Rendered, nvidia: Any) -> None:
    lines = [line for line in rendered["debian"]["nouveau"].splitlines() if not line.startswith("#")]
    assert lines == nvidia["nouveau"]["lines"]
    write, rebuild = tools.load(TASKS / "nouveau.yml")
    assert write["ansible.builtin.template"]["dest"] == nvidia["nouveau"]["path"]
    assert str(nvidia["nouveau"]["debian"].split()) in rebuild["ansible.builtin.command"]["argv"]
    assert str(nvidia["nouveau"]["redhat"].split()) in rebuild["ansible.builtin.command"]["argv"]


def test_the_repository_of_the_toolkit_is_nvidias(rendered: Rendered, nvidia: Any) -> None:
    """The one difference: the key stays armoured (.asc), so that the host needs no gpg."""
    toolkit = nvidia["container_toolkit"]
    line = next(line for line in rendered["debian"]["toolkit_list"].splitlines() if line.startswith("deb "))
    assert line == toolkit["apt_line"].replace("-keyring.gpg]", "-keyring.asc]")
    key, source, *_ = tools.load(TASKS / "toolkit-repository-debian.yml")
    keyring = re.search(r"signed-by=(\S+?)]", line)
    assert keyring is not None
    assert key["ansible.builtin.get_url"]["dest"] == keyring[1]
    assert key["ansible.builtin.get_url"]["url"].endswith(toolkit["key"].rpartition("/")[2])
    assert source["ansible.builtin.template"]["dest"] == toolkit["apt_file"]
    assert rendered["rhel-9"]["toolkit_repo"] == toolkit["dnf_repo"]
    (repo,) = tools.load(TASKS / "toolkit-repository-redhat.yml")
    assert repo["ansible.builtin.get_url"]["dest"] == toolkit["dnf_file"]


def test_a_version_of_the_toolkit_holds_all_its_packages(rendered: Rendered, nvidia: Any) -> None:
    packages = nvidia["container_toolkit"]["packages"]
    assert rendered["debian-own"]["toolkit_packages"] == [f"{name}=1.19.0-1" for name in packages]
    assert rendered["rocky-9"]["toolkit_packages"] == [f"{name}-1.19.0-1" for name in packages]
    assert rendered["debian"]["toolkit_packages"] == packages[:1]


def test_docker_learns_of_the_runtime_by_nvidias_command(rendered: Rendered, nvidia: Any) -> None:
    assert rendered["debian"]["docker_runtime"] == nvidia["container_toolkit"]["docker"]


def test_the_description_for_cdi_is_kept_as_nvidia_says(rendered: Rendered, nvidia: Any) -> None:
    cdi = nvidia["cdi"]
    command = rendered["debian"]["cdi_generate"]
    assert command.startswith(cdi["generate"])
    assert command.removeprefix(cdi["generate"]).rpartition("/")[0] in cdi["folders"]
    keep = next(task for task in tools.load(TASKS / "cdi.yml") if "loop" in task)
    assert keep["loop"] == cdi["units"]


def test_the_persistence_daemon_is_nvidias_unit(nvidia: Any) -> None:
    (task,) = tools.load(TASKS / "persistence.yml")
    assert task["ansible.builtin.systemd_service"]["name"] == nvidia["persistence"]["unit"]
    assert task["ansible.builtin.systemd_service"]["enabled"] is True


@pytest.mark.parametrize("vendor", ["nvidia", "intel", "docker"])
def test_each_thing_that_is_documented_names_its_page(vendor: str, request: pytest.FixtureRequest) -> None:
    assert [name for name, entry in request.getfixturevalue(vendor).items() if not entry.get("source")] == []

"""What the roles would write and run on hosts of every kind, rendered once for all tests that look at it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.ansible import tools

DEBIAN = {
    "os_family": "Debian",
    "distribution": "Debian",
    "distribution_release": "bookworm",
    "distribution_version": "12.9",
}
NOBLE = {
    "os_family": "Debian",
    "distribution": "Ubuntu",
    "distribution_release": "noble",
    "distribution_version": "24.04",
}
JAMMY = {
    "os_family": "Debian",
    "distribution": "Ubuntu",
    "distribution_release": "jammy",
    "distribution_version": "22.04",
}
RHEL = {"os_family": "RedHat", "distribution": "RedHat", "distribution_release": "Plow", "distribution_version": "9.2"}
ROCKY = {
    "os_family": "RedHat",
    "distribution": "Rocky",
    "distribution_release": "Blue Onyx",
    "distribution_version": "9.6",
}

HOSTS: dict[str, dict[str, Any]] = {
    "debian": {"pretend": DEBIAN, "ansible_host": "10.0.0.1"},
    "debian-bundle": {
        "pretend": DEBIAN,
        "ansible_host": "10.0.0.2",
        "modelyard_bundle": "/srv/bundle",
        "docker_engine_proxy": {"https": "http://proxy.example:3128", "no_proxy": "10.0.0.0/8,.example"},
        "intel_host_cpu_governor": "performance",
    },
    "debian-own": {
        "pretend": DEBIAN,
        "ansible_host": "fd00::3",
        "cuda_host_driver_source": "distribution",
        "cuda_host_toolkit_version": "1.19.0-1",
        "base_firewall_operators": ["10.9.0.0/16"],
    },
    "ubuntu-22": {"pretend": JAMMY, "ansible_host": "10.0.0.4", "intel_host_repository_stream": "lts/2350"},
    "ubuntu-24": {"pretend": NOBLE, "ansible_host": "10.0.0.5", "cuda_host_driver_branch": "580"},
    "ubuntu-own": {
        "pretend": NOBLE,
        "ansible_host": "10.0.0.6",
        "cuda_host_driver_source": "distribution",
        "cuda_host_driver_branch": "580",
    },
    "ubuntu-arm": {"pretend": {**NOBLE, "architecture": "aarch64"}, "ansible_host": "10.0.0.7"},
    "rhel-9": {
        "pretend": RHEL,
        "ansible_host": "10.0.0.8",
        "intel_host_repository_stream": "lts/2350",
        "docker_engine_source": "vendor",
    },
    "rocky-9": {
        "pretend": ROCKY,
        "ansible_host": "10.0.0.9",
        "cuda_host_driver_branch": "580",
        "cuda_host_toolkit_version": "1.19.0-1",
    },
    "old-card": {
        "pretend": RHEL,
        "ansible_host": "10.0.0.10",
        "cuda_host_kernel_modules": "proprietary",
        "cuda_host_driver_branch": "580",
    },
}
GROUPS = {
    "balancers": ["debian"],
    "gateways": ["debian-bundle", "debian-own"],
    "model_servers": ["ubuntu-22", "ubuntu-24", "debian-own"],
    "monitoring": ["rhel-9"],
}

Rendered = dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """By host: what templates, lists of packages and commands become there."""
    folder: Path = tmp_path_factory.mktemp("rendered")
    inventory = {
        "all": {
            "hosts": HOSTS,
            "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
            "children": {name: {"hosts": dict.fromkeys(members)} for name, members in GROUPS.items()},
        }
    }
    tools.render(Path(__file__).with_name("render.yml"), inventory, folder)
    return {host: json.loads((folder / f"{host}.json").read_text()) for host in HOSTS}


def documented(name: str) -> Any:
    """The fixture of what a vendor documents, with its sources."""
    return tools.load(Path(__file__).parent / "documented" / f"{name}.yml")


@pytest.fixture(scope="session")
def nvidia() -> Any:
    return documented("nvidia")


@pytest.fixture(scope="session")
def intel() -> Any:
    return documented("intel")


@pytest.fixture(scope="session")
def docker() -> Any:
    return documented("docker")

"""Names of images and what of a lock file holds for another Python; no engine and no index is asked."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelyard.deployment.bundle.collecting.images import full_reference
from modelyard.deployment.bundle.collecting.packages import LIST
from modelyard.deployment.bundle.collecting.wheels import lines_for
from modelyard.deployment.bundle.layout import image_file

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("gateway", "registry.example/ai/gateway:1.2"),
        ("triton-openvino:-intel", "registry.example/ai/triton-openvino:1.2-intel"),
        ("grafana/grafana:12.1", "grafana/grafana:12.1"),
        ("redis:8", "redis:8"),
    ],
)
def test_short_names_are_ours(typed: str, meant: str) -> None:
    assert full_reference(typed, "registry.example/ai", "1.2") == meant


@pytest.mark.parametrize(
    ("reference", "file"),
    [
        ("registry.example/ai/gateway:1.2", "images/gateway-1.2.tar"),
        ("registry.example/ai/triton-openvino:1.2-intel", "images/triton-openvino-1.2-intel.tar"),
        ("grafana/grafana:12.1", "images/grafana-grafana-12.1.tar"),
        ("redis:8", "images/redis-8.tar"),
    ],
)
def test_archives_bear_the_names_that_the_roles_look_for(reference: str, file: str) -> None:
    assert image_file(reference, "registry.example/ai") == file


def test_lines_of_another_python_are_chosen_by_its_version_not_by_ours() -> None:
    lock = "a==1 ; python_full_version < '3.11'\na==2 ; python_full_version >= '3.11'\n    # via b\nb[x]==3\n--hash=1\n"
    assert lines_for(lock, "3.10") == ["a==1", "b[x]==3"]
    assert lines_for(lock, "3.12") == ["a==2", "b[x]==3"]


def test_every_line_of_our_lock_files_is_understood() -> None:
    for lock in ("gateway.txt", "deploy.txt", "engine.txt"):
        text = (ROOT / "requirements" / lock).read_text()
        pinned = {line.split("==")[0] for line in text.splitlines() if re.match(r"[a-z0-9]", line)}
        for python in ("3.10", "3.11", "3.12"):
            found = {line.split("==")[0] for line in lines_for(text, python)}
            assert found <= pinned
            assert len(found) > len(pinned) * 0.8


def listed_packages() -> set[str]:
    lines = [line.removeprefix("? ") for line in LIST.read_text().splitlines() if line and not line.startswith("#")]
    return {word for line in lines for word in line.split()}


def test_the_packages_that_the_installer_asks_for_are_in_the_list() -> None:
    script = (ROOT / "modelyard/deployment/bundle/install.sh").read_text()
    asked = re.search(r"--no-install-recommends install \\\n\s+(.*)", script)
    assert asked is not None
    words = {word for word in asked[1].split() if not word.startswith(("$", '"'))}
    assert words
    assert words <= listed_packages()


def test_the_packages_that_the_roles_install_on_debian_are_in_the_list() -> None:
    def variables(role: str, folder: str) -> dict[str, Any]:
        return dict(yaml.safe_load((ROOT / "ansible/roles" / role / folder / "main.yml").read_text()))

    backup, intel = variables("backup", "vars")["_backup_packages"], variables("intel_host", "vars")
    asked = {
        *variables("base", "defaults")["base_packages"],
        *variables("docker_engine", "vars")["_docker_engine_packages"]["distribution"],
        *variables("docker_engine", "defaults")["docker_engine_tools"],
        variables("load_balancer", "defaults")["load_balancer_package"],
        *(name for names in backup.values() for name in names),
        *(name for names in intel["_intel_host_packages"]["distribution"]["bookworm"].values() for name in names),
        *re.findall(r"'(prometheus[a-z-]*)'", variables("monitoring", "vars")["_monitoring_packages"]),
        "nftables",
        "chrony",
        "python3-venv",
    }
    assert asked <= listed_packages()


@pytest.mark.parametrize("script", ["install.sh", "collecting/resolve.sh"])
def test_the_scripts_are_posix_shell(script: str) -> None:
    path = ROOT / "modelyard/deployment/bundle" / script
    assert subprocess.run(["sh", "-n", str(path)], check=False).returncode == 0

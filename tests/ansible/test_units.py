"""The units of deploy/systemd keep their services locked in, by the words of the units and by systemd's own count."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.ansible import tools

UNITS = tools.ROOT / "deploy/systemd"
TRITON, GATEWAY = UNITS / "modelyard-triton.service", UNITS / "modelyard-gateway@.service"
LOCKED_IN = {
    "User": "modelyard",
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "AmbientCapabilities": "",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "ProtectProc": "invisible",
    "PrivateDevices": "yes",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
    "RestrictNamespaces": "yes",
    "RestrictSUIDSGID": "yes",
    "SystemCallArchitectures": "native",
    "UMask": "0077",
}


def directives(unit: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        name, is_one, value = line.partition("=")
        if is_one and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize("unit", [TRITON, GATEWAY], ids=lambda unit: unit.stem)
def test_a_service_is_no_root_and_sees_little_of_the_host(unit: Path) -> None:
    found = directives(unit)
    assert {name: found.get(name) for name in LOCKED_IN} == {name: [value] for name, value in LOCKED_IN.items()}
    allowed, *refused = found["SystemCallFilter"]
    assert allowed == "@system-service"
    assert all(group.startswith("~@privileged") for group in refused)
    assert refused


def test_only_a_gateway_has_the_key_and_no_memory_that_it_may_write_and_run() -> None:
    assert directives(GATEWAY)["LoadCredential"] == ["modelyard_api_key:/etc/modelyard/secrets/api_key"]
    assert directives(GATEWAY)["MemoryDenyWriteExecute"] == ["yes"]
    assert not {"LoadCredential", "MemoryDenyWriteExecute"} & set(directives(TRITON))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("unit", [TRITON, GATEWAY], ids=lambda unit: unit.stem)
def test_systemd_finds_it_hardly_exposed(unit: Path) -> None:
    """deploy/systemd/README.md has the numbers; another systemd may count a little otherwise. A bare unit has 9.6."""
    command = ["systemd-analyze", "security", "--offline=yes", "--threshold=20", "--no-pager", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

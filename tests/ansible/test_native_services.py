"""Units are started, left alone, started again and stopped as they ought to be, on hosts whose systemd is made up.

The tasks are the real ones, on this machine: systemctl is a program of the test that writes down what it is told, and
a service is well or not by how often it was started. Only what is done to the units is looked at.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.ansible import tools

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="what the roles write is root's")

# What a unit was told is a file of its name; lines of `step` are the test's own.
SYSTEMCTL = """\
#!/bin/sh
test "$2" || exit 0
cd {folder}/"$2"
echo "$*" >> told
case "$*" in
show*--value) cat state ;;
show*) printf 'LoadState=loaded\\nActiveState=%s\\n' "$(cat state)" ;;
start* | restart*) echo active > state ;;
stop*) echo inactive > state ;;
enable*) touch enabled ;;
disable*) rm enabled ;;
is-enabled*) test -e enabled ;;
esac
"""
GATEWAY, TRITON = "modelyard-gateway@1.service", "modelyard-triton.service"
ILL = 2  # the start after which a service runs and never gets ready


Told = dict[str, dict[str, list[str]]]


def starts(told: list[str]) -> int:
    return sum(line.split()[0] in {"start", "restart"} for line in told)


@contextmanager
def service(unit: Path) -> Iterator[int]:
    """The port at which it says how it is."""

    class Asked(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503 if starts((unit / "told").read_text().splitlines()) == ILL else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Asked) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def step(name: str, *tasks: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Afterwards the unit has a line with the name, and another one when a task failed."""
    told = {"ansible.builtin.command": {"argv": ["systemctl", "step", "{{ unit }}", name]}}
    failed = {"ansible.builtin.command": {"argv": ["systemctl", "step", "{{ unit }}", f"{name} failed"]}}
    return [{"block": list(tasks), "rescue": [failed]}, told]


def applied(version: str, **settings: str) -> list[Mapping[str, Any]]:
    gateway = {"gateway_version": version, "gateway_environment": settings, "_gateway_number": 1}
    triton = {"model_server_version": version, "model_server_environment": settings}
    return [
        {**tools.role("gateway", "instance", **gateway), "when": f"unit == '{GATEWAY}'"},
        {**tools.role("model_server", "start_native", **triton), "when": f"unit == '{TRITON}'"},
        {**tools.role("model_server", "ready", **triton), "when": f"unit == '{TRITON}'"},
    ]


LIFE = [
    *step("first", *applied("1.0")),
    *step("again", *applied("1.0")),
    *step("other", *applied("2.0", MODELYARD_LOG_LEVEL="none")),
    *step("back", *applied("1.0")),
    *step("stopped", {**tools.role("model_server", "stop", model_server_version="1.0"), "when": f"unit == '{TRITON}'"}),
    *step("joined", *applied("1.0")),
]


def by_step(lines: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    since: list[str] = []
    for line in lines:
        if line.startswith("step "):
            found[line.split(maxsplit=2)[2]], since = since, []
        else:
            since.append(line)
    return found


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """By unit and step, what systemctl was told on the way to it."""
    folder = tmp_path_factory.mktemp("native")
    (folder / "bin").mkdir()
    (folder / "bin/systemctl").write_text(SYSTEMCTL.format(folder=folder))
    (folder / "bin/systemctl").chmod(0o755)
    for unit in (GATEWAY, TRITON):
        (folder / unit).mkdir()
        (folder / unit / "state").write_text("inactive\n")
    (folder / "etc/applied").mkdir(parents=True)
    facts = {"os_family": "Debian", "architecture": "x86_64", "virtualization_type": "kvm"}
    with (
        service(folder / GATEWAY) as gateway,
        service(folder / TRITON) as triton,
        pytest.MonkeyPatch.context() as patched,
    ):
        patched.setenv("PATH", f"{folder}/bin:{os.environ['PATH']}")
        done = tools.play(
            folder,
            LIFE,
            {"gateway": {"facts": facts, "unit": GATEWAY}, "triton": {"facts": facts, "unit": TRITON}},
            modelyard_deploy_mode="native",
            modelyard_config_dir=f"{folder}/etc",
            modelyard_api_key="k" * 32,
            gateway_first_port=gateway,
            gateway_tritons=["127.0.0.1:8001"],
            gateway_balancers=[],
            gateway_start_timeout=1,
            model_server_http_port=triton,
            model_server_start_timeout=1,
            _model_server_unit_stat={"stat": {"exists": True}},
        )
    assert done.returncode == 0, done.stdout + done.stderr
    return {unit: by_step((folder / unit / "told").read_text().splitlines()) for unit in (GATEWAY, TRITON)}


@pytest.mark.parametrize("unit", [GATEWAY, TRITON])
def test_what_is_applied_and_well_is_left_alone(unit: str, told: Told) -> None:
    assert starts(told[unit]["first"]) == 1
    assert starts(told[unit]["again"]) == 0


@pytest.mark.parametrize("unit", [GATEWAY, TRITON])
def test_one_that_runs_and_is_not_well_is_replaced_by_what_was_applied_before(unit: str, told: Told) -> None:
    assert starts(told[unit]["other failed"]) == 1
    assert starts(told[unit]["back"]) == 1


def test_a_triton_that_left_the_fleet_stays_away_at_boot_until_it_is_back(told: Told) -> None:
    assert {f"stop {TRITON}", f"disable {TRITON}"} <= set(told[TRITON]["stopped"])
    assert {f"start {TRITON}", f"enable {TRITON}"} <= set(told[TRITON]["joined"])


def test_no_step_failed_that_ought_not_to(told: Told) -> None:
    for steps in told.values():
        assert [name for name in steps if name.endswith("failed")] == ["other failed"]

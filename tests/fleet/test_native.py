"""One host for everything, without containers: systemd units, and Python environments out of a package index.

Callers come by https here, and over plain HTTP in the other tests. The tests share the host, and each goes on from
where the one before it stopped.
"""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy import base_images
from tests.deploy.engine import Engine
from tests.fleet import releases
from tests.fleet.control import ROOT, Control
from tests.fleet.hosts import Host, docker, fleet
from tests.fleet.traffic import ask
from tests.fleet.waiting import eventually

pytestmark = pytest.mark.timeout(3600)  # Python environments of gigabytes are made on two busy cores

# A version is what lies in its folder: another one is not made anew for a test, and not brought up to date.
AS_THEY_ARE = {"model_server_refresh": False, "gateway_refresh": False}
# In the place of the gateway's program: it runs, and says to whoever asks that it is not ready.
NEVER_READY = """\
import http.server
import sys


class Never(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(503)


http.server.HTTPServer(("", int(sys.argv[sys.argv.index("--port") + 1])), Never).serve_forever()
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ours, as the package index would give it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return next(folder.glob("*.whl"))


def certificate(folder: Path, address: str) -> tuple[Path, Path]:
    """For a balancer at this address, and its key; signed by itself, so that who has it trusts nobody else."""
    made, key = folder / "balancer.pem", folder / "balancer.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=balancer"]
    names = ["-addext", f"subjectAltName=IP:{address}", "-keyout", str(key), "-out", str(made)]
    subprocess.run([*command, *names], capture_output=True, check=True)
    return made, key


@pytest.fixture(scope="module")
def single(
    engine: Engine, wheel: Path, demo_archive: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Control]:
    folder = tmp_path_factory.mktemp("native")
    with fleet(f"native-{os.getpid()}", folder / "fleet", ["single"]) as made:
        # How this machine reaches a package index; an image out of a registry has no such file.
        index = docker("run", "--rm", base_images.PYTHON, "cat", "/etc/pip.conf", check=False)
        made.hosts["single"].run("cat > /etc/pip.conf", stdin=index)
        public, private = certificate(folder, made.hosts["single"].address)
        yield Control(
            fleet=made,
            folder=folder,
            groups={group: ["single"] for group in ("balancers", "gateways", "model_servers")},
            variables={
                "modelyard_version": releases.FIRST,
                "modelyard_deploy_mode": "native",
                "modelyard_wheel": str(wheel),
                # A container cannot have more open files than the machine around it gives it.
                "load_balancer_max_connections": 2000,
                "load_balancer_tls_certificate": str(public),
                "load_balancer_tls_key": str(private),
                "modelyard_models": [{"name": "demo", "archive": str(demo_archive)}],
            },
        )


def beside(host: Host, version: str) -> str:
    """A version with the files of the first one. The folder of its gateway."""
    host.run(f"cp --archive --link /opt/modelyard/{releases.FIRST} /opt/modelyard/{version}")
    return f"/opt/modelyard/{version}/gateway"


def running(host: Host) -> set[tuple[str, str]]:
    """The environments, each with its version, that processes were started from."""
    commands = host.run("cat /proc/[0-9]*/cmdline | tr '\\0' ' '; true")
    return {(name, version) for version, name in re.findall(r"/opt/modelyard/([^/ ]+)/(engine|gateway)/", commands)}


def in_service(host: Host) -> list[str]:
    """What the balancer says of each gateway."""
    page = host.run(f"curl --silent 'http://{host.address}:8404/stats;csv'").removeprefix("# ")
    servers = [row for row in csv.DictReader(page.splitlines()) if row["pxname"] == "gateways"]
    return [row["status"] for row in servers if row["svname"] != "BACKEND"]


def test_units_serve_and_come_back_after_a_reboot(single: Control) -> None:
    host = single.fleet.hosts["single"]
    single.play("site.yml")
    answer = ask(single.url, single.api_key, certificate=single.certificate)
    assert (answer.status, answer.error, answer.finish_reason) == (200, "", "length")
    assert host.run("command -v docker || echo none").strip() == "none"
    again = single.play("site.yml")
    assert again.changed == {}, again.changes()
    assert single.api_key not in host.run("cat /proc/[0-9]*/cmdline; journalctl --no-pager")
    host.reboot()
    # A boot is over when every unit is started; by then a gateway may still wait for its models.
    ready = " && ".join(f"curl --silent --fail http://127.0.0.1:{port}/health/ready" for port in (11441, 11442))
    assert eventually(lambda: host.run(f"({ready}) > /dev/null && echo ready || true") != "")
    single.play("verify.yml")
    assert ask(single.url, single.api_key, certificate=single.certificate) == answer


def test_an_upgrade_goes_to_the_version_beside(single: Control) -> None:
    host = single.fleet.hosts["single"]
    beside(host, releases.NEXT)
    single.variables["modelyard_version"] = releases.NEXT
    single.play("upgrade.yml", **AS_THEY_ARE)
    assert single.versions("single") == {"triton": releases.NEXT, "gateway": releases.NEXT}
    assert running(host) == {("engine", releases.NEXT), ("gateway", releases.NEXT)}
    assert ask(single.url, single.api_key, certificate=single.certificate).error == ""


def test_a_gateway_that_runs_and_is_never_ready_goes_back_by_itself(single: Control) -> None:
    host = single.fleet.hosts["single"]
    program = host.run(f"ls {beside(host, releases.MUTE)}/lib/python3.*/site-packages/modelyard/__main__.py").strip()
    # Removed first, since it is the other versions' file too.
    host.run(f"rm {program} && cat > {program}", stdin=NEVER_READY)
    version = {"modelyard_version": releases.MUTE, "gateway_start_timeout": 90}
    failed = single.play("upgrade.yml", succeeds=False, **version, **AS_THEY_ARE)
    assert f"{releases.NEXT} runs again" in failed.output
    assert f"playbooks/rollback.yml -e modelyard_rollback_from={releases.MUTE} takes them back" in failed.output
    assert single.versions("single") == {"triton": releases.MUTE, "gateway": releases.NEXT}
    assert running(host) == {("engine", releases.MUTE), ("gateway", releases.NEXT)}
    assert eventually(lambda: in_service(host) == ["UP", "UP"])
    assert ask(single.url, single.api_key, certificate=single.certificate).error == ""


def test_rollback_takes_back_what_was_upgraded_and_nothing_else(single: Control) -> None:
    host = single.fleet.hosts["single"]
    unclear = single.play("rollback.yml", succeeds=False)
    assert f"-e modelyard_rollback_from={releases.MUTE} takes those hosts back" in unclear.output
    single.play("rollback.yml", modelyard_rollback_from=releases.MUTE, **AS_THEY_ARE)
    assert single.versions("single") == {"triton": releases.NEXT, "gateway": releases.NEXT}
    assert running(host) == {("engine", releases.NEXT), ("gateway", releases.NEXT)}
    assert ask(single.url, single.api_key, certificate=single.certificate).error == ""

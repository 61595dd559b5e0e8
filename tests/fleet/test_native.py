"""One host for everything, without containers: systemd units, and Python environments out of a package index.

Callers come by https here, and over plain HTTP in the other tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy import base_images
from tests.deploy.engine import Engine
from tests.fleet import releases
from tests.fleet.control import ROOT, Control
from tests.fleet.hosts import docker, fleet
from tests.fleet.traffic import ask
from tests.fleet.waiting import eventually

pytestmark = pytest.mark.timeout(3600)  # Python environments of gigabytes are made on two busy cores


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """Ours, as the package index would give it."""
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path / "wheel")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return next((tmp_path / "wheel").glob("*.whl"))


def certificate(folder: Path, address: str) -> tuple[Path, Path]:
    """For a balancer at this address, and its key; signed by itself, so that who has it trusts nobody else."""
    made, key = folder / "balancer.pem", folder / "balancer.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=balancer"]
    names = ["-addext", f"subjectAltName=IP:{address}", "-keyout", str(key), "-out", str(made)]
    subprocess.run([*command, *names], capture_output=True, check=True)
    return made, key


@pytest.fixture
def single(engine: Engine, wheel: Path, demo_archive: Path, tmp_path: Path) -> Iterator[Control]:
    with fleet(f"native-{os.getpid()}", tmp_path / "fleet", ["single"]) as made:
        # How this machine reaches a package index; an image out of a registry has no such file.
        index = docker("run", "--rm", base_images.PYTHON, "cat", "/etc/pip.conf", check=False)
        made.hosts["single"].run("cat > /etc/pip.conf", stdin=index)
        public, private = certificate(tmp_path, made.hosts["single"].address)
        yield Control(
            fleet=made,
            folder=tmp_path,
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

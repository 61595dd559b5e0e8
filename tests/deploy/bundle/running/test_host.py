"""A host with nothing but Debian and no network: one file is copied to it, and a model answers.

Nothing on the host is ours but what comes out of the bundle: Docker, compose and Python are installed from its
packages, the command line from its wheels.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy import base_images
from tests.deploy.building import built
from tests.deploy.engine import Engine
from tests.fleet.hosts import Host, docker, fleet
from tests.modelyard.cli.command import ROOT, environment, printed

IMAGES = ("gateway", "triton-openvino", "balancer")
MODELYARD = "/opt/modelyard/bin/modelyard"
HOME = "/root/.local/share/modelyard/deploy"
ASK = f"""
import json, urllib.request
key = open("{HOME}/secrets/api_key").read().strip()
body = {{"model": "demo", "messages": [{{"role": "user", "content": "What is Modelyard?"}}], "max_tokens": 16}}
headers = {{"Authorization": "Bearer " + key, "Content-Type": "application/json"}}
asked = urllib.request.Request("http://127.0.0.1:11434/v1/chat/completions", json.dumps(body).encode(), headers)
print(json.load(urllib.request.urlopen(asked, timeout=120))["usage"]["completion_tokens"])
"""

pytestmark = pytest.mark.timeout(3600)  # gigabytes are packed, copied, unpacked and loaded, on two busy cores


@pytest.fixture(scope="module")
def folder(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with key, key.pub and b.tar: the images of the cpu profile, the demo model, packages and wheels."""
    folder = tmp_path_factory.mktemp("bundle")
    for image in IMAGES:
        built(image)
    repository = folder / "repository"
    printed(repository, "convert", "demo/checkpoint", "--name", "demo")
    printed(repository, "bundle", "keygen", str(folder / "key"))
    command = [sys.executable, "-m", "modelyard", "bundle", "create", str(folder / "b.tar")]
    options = ["--key", str(folder / "key"), "--model", "demo", "--release", base_images.DEBIAN]
    subprocess.run([*command, *options], env=environment(repository), cwd=ROOT, check=True)
    return folder


@pytest.fixture
def island(folder: Path, tmp_path: Path) -> Iterator[Host]:
    """One host with no way out, the bundle unpacked on it."""
    with fleet(f"bundle-{os.getpid()}", tmp_path / "fleet", ["island"]) as made:
        host = made.hosts["island"]
        host.cut_off()
        # What a real host's disk would have from its installer is in this image's cache; it must not help.
        host.run("rm -rf /var/cache/apt/archives/*.deb /var/lib/apt/lists/*")
        host.run("mkdir -p /srv/bundle")
        docker("cp", "--quiet", str(folder / "key.pub"), f"{host.container}:/srv/key.pub")
        docker("cp", "--quiet", str(folder / "b.tar"), f"{host.container}:/srv/b.tar")
        host.run("tar -xf /srv/b.tar -C /srv/bundle && rm /srv/b.tar")
        yield host


def test_a_model_answers_on_a_host_that_no_network_reaches(island: Host) -> None:
    assert "no way" in island.run("timeout 5 getent hosts deb.debian.org || echo no way")
    assert "none" in island.run("command -v docker || echo none")

    island.run("sh /srv/bundle/install.sh --key /srv/key.pub --with-packages -- --port 11434")
    assert int(island.run(f"python3 -c '{ASK}'")) > 0
    assert island.run(f"stat -c %a {HOME}/secrets").strip() == "700"

    again = island.run(f"{MODELYARD} bundle install /srv/bundle --key /srv/key.pub 2>&1")
    assert "everything was as it should be; nothing was changed" in again
    assert "loading" not in again
    assert "starting the containers" not in again

    island.run("echo more >> /srv/bundle/models/demo.tar")
    refused = island.run(f"{MODELYARD} bundle install /srv/bundle --key /srv/key.pub 2>&1; echo code $?")
    assert "models/demo.tar was altered" in refused
    assert "code 2" in refused
    assert int(island.run(f"python3 -c '{ASK}'")) > 0

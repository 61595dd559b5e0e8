"""Builds that take nothing from public places: wheels of a folder, a mirror of Debian, authorities of one's own.

And images that come from a registry, which is a real one (Debian's docker-registry).
"""

from __future__ import annotations

import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import docker as docker_sdk
import httpx
import pytest

import modelyard
from modelyard.deployment import obtaining
from modelyard.deployment.errors import ImageMissing
from modelyard.deployment.images import IMAGES, build_command
from tests.deploy.base_images import PYTHON, apt_mirror
from tests.deploy.building import ROOT, BuildFailed, built, run
from tests.deploy.compose.running.stack import free_port
from tests.deploy.engine import Engine, have_programs
from tests.deploy.images.containers import docker, shell, wait_until

_PREFIX = "modelyard-test-own"
_LISTS = ("requirements/gateway.txt", "deploy/docker/common/sbom.txt", "deploy/docker/common/build.txt")
_NOBODY = "http://127.0.0.1:9/debian"


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of what a build needs, to lay files into."""
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, tmp_path)
    for name in ("modelyard", "gateway", "converters", "backends", "requirements", "deploy"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_without_a_network_an_image_is_built_of_wheels_and_trusts_an_authority_of_ones_own(
    engine: Engine, sources: Path
) -> None:
    lists = [word for name in _LISTS for word in ("--requirement", name)]
    pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", "deploy/docker/wheels", *lists]
    docker("run", "--rm", "--volume", f"{sources}:/sources", "--workdir=/sources", PYTHON, "python3", *pip)
    authority = _authority(sources / "deploy/docker/certificates/ours.crt")

    command = build_command(IMAGES["gateway"], prefix=_PREFIX, arguments={"OFFLINE": "1"})
    run([*command[:-1], "--network=none", "--no-cache", "."], folder=sources)
    tag = IMAGES["gateway"].tag(prefix=_PREFIX)
    assert modelyard.__version__ in docker("run", "--rm", tag, "--version")
    assert authority in shell(tag, 'cat "$SSL_CERT_FILE"')


def _authority(path: Path) -> str:
    """The certificate, written there; its key is thrown away."""
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null", "-days", "2"]
    subprocess.run([*request, "-subj", "/CN=an authority of tests", "-out", str(path)], check=True, capture_output=True)
    return path.read_text().strip()


def test_debians_packages_come_from_the_mirror_that_is_named(engine: Engine) -> None:
    command = build_command(IMAGES["balancer"], prefix=_PREFIX, arguments={"APT_MIRROR": _NOBODY})
    with pytest.raises(BuildFailed, match=_NOBODY):
        run(command)
    run(build_command(IMAGES["balancer"], prefix=_PREFIX, arguments={"APT_MIRROR": apt_mirror()}))


@pytest.fixture(scope="module")
def registry(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address. On the loopback, where Docker's engine does not ask for TLS."""
    have_programs({"docker-registry": "docker-registry"})
    address = f"127.0.0.1:{free_port()}"
    folder = tmp_path_factory.mktemp("registry")
    (folder / "config.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}/images}}}}\nhttp: {{addr: '{address}'}}\n"
    )
    with (folder / "log").open("w") as log:
        served = subprocess.Popen(["docker-registry", "serve", str(folder / "config.yml")], stdout=log, stderr=log)
    try:
        wait_until(lambda: _answers(address), (folder / "log").read_text, 30)
        yield address
    finally:
        served.terminate()
        served.wait(30)


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"http://{address}/v2/", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def test_an_image_is_pulled_and_one_that_is_not_there_is_named(registry: str, tmp_path: Path) -> None:
    prefix, version = f"{registry}/ours", uuid.uuid4().hex[:8]
    source = obtaining.Source(docker_sdk.from_env, tmp_path, prefix, version, "pull")
    balancer, gateway = IMAGES["balancer"], IMAGES["gateway"]
    docker("tag", built("balancer"), source.reference(balancer))
    docker("push", "--quiet", source.reference(balancer))
    docker("rmi", source.reference(balancer))

    pull, lacking = obtaining.steps([balancer, gateway], source)
    pull.run()
    assert obtaining.is_here(source.client(), source.reference(balancer))
    with pytest.raises(ImageMissing, match=source.reference(gateway)):
        lacking.run()
    docker("rmi", source.reference(balancer))

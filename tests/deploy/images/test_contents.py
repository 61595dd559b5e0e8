"""What is in each image, and what is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from modelyard import __version__
from modelyard.deployment.images import IMAGES, SBOM, USER, labels
from tests.deploy import building
from tests.deploy.base_images import DEBIAN, PYTHON
from tests.deploy.images.containers import docker, inspect, shell

# Packages without which the image would be of no use.
ESSENTIAL = {
    "gateway": {"pkg:pypi/fastapi", "pkg:pypi/modelyard", "pkg:deb/debian/libc6"},
    "converter": {"pkg:pypi/torch", "pkg:pypi/optimum-intel", "pkg:deb/debian/libc6"},
    "triton-openvino": {"pkg:pypi/openvino-genai", "pkg:pypi/xllamacpp", "pkg:pypi/nvidia-pytriton"},
    "triton-openvino-intel": {"pkg:deb/debian/intel-opencl-icd", "pkg:deb/debian/libze1", "pkg:pypi/openvino-genai"},
    "triton-cuda": {"pkg:pypi/diffusers", "pkg:deb/debian/libc6"},
    "balancer": {"pkg:deb/debian/haproxy", "pkg:deb/debian/libc6"},
}
# Bytes. Ours are measured with what a base made here has more than the official one: documents, a wheel of PyTorch.
LARGEST = {"gateway": 1.0e9, "triton-openvino": 1.5e9, "triton-openvino-intel": 1.8e9, "balancer": 0.3e9}
# What a base brings is not ours to clear away.
BASES = {"balancer": DEBIAN, "triton-cuda": "modelyard-test/cuda-base:latest"}
# The user's own, and those that a tmpfs or a volume lies over.
WRITABLE = {"/tmp", "/var/tmp", "/run/lock", "/models", "/cache"}


def test_labels_say_what_it_is(every: tuple[str, str]) -> None:
    key, tag = every
    config = inspect(tag)["Config"]
    wanted = labels(IMAGES[key], __version__, revision=building.commit(), source=building.SOURCE)
    assert config["Labels"].items() >= wanted.items()
    assert config["Labels"]["org.opencontainers.image.licenses"]
    assert config["User"] == USER


def test_the_bill_of_materials_has_every_package(every: tuple[str, str]) -> None:
    key, tag = every
    bill = sbom(tag)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["name"] == f"modelyard/{IMAGES[key].name}"
    assert bill["metadata"]["component"]["version"] == __version__
    found = {component["purl"].partition("?")[0] for component in bill["components"]}
    assert ESSENTIAL[key] <= {purl.rpartition("@")[0] for purl in found}
    packages = shell(tag, "dpkg-query --show --showformat '${db:Status-Status} ${Package} ${Version}\\n'")
    installed = [line.split()[1:] for line in packages.splitlines() if line.startswith("installed ")]
    assert len(installed) > 50
    known = {(c["name"], c["version"]) for c in bill["components"] if c["purl"].startswith("pkg:deb/")}
    assert {(name, version) for name, version in installed} == known
    if key != "balancer":
        listed = shell(
            tag,
            "python3 -c 'import importlib.metadata as m, json;"
            'print(json.dumps(sorted({(d.metadata["Name"], d.version) for d in m.distributions()})))\'',
        )
        python = {(c["name"], c["version"]) for c in bill["components"] if c["purl"].startswith("pkg:pypi/")}
        assert {(name, version) for name, version in json.loads(listed)} <= python


def test_nothing_is_left_of_the_build(every: tuple[str, str]) -> None:
    """No caches, no package lists, no build folder; nothing of the sources that is not needed; no key."""
    key, tag = every
    assert left_behind(tag) - left_behind(BASES.get(key, PYTHON)) == set()
    history = docker("history", "--no-trunc", "--format={{.CreatedBy}}", tag)
    assert "PIP_INDEX_URL=" not in history
    assert "PASSWORD" not in history.upper()


def test_its_user_can_write_nothing_but_what_is_meant(every: tuple[str, str]) -> None:
    _, tag = every
    elsewhere = r"\( -path /proc -o -path /sys -o -path /dev \) -prune"
    listed = shell(tag, f"find / -xdev {elsewhere} -o -writable ! -type l -print 2>/dev/null; :")
    writable = set(listed.split("\n")) - {""}
    assert writable <= WRITABLE


def test_a_user_of_another_number_can_run_it(every: tuple[str, str]) -> None:
    key, tag = every
    command = "haproxy -v" if key == "balancer" else "python3 -c 'import modelyard'"
    shell(tag, command, "--user=4321:4321", "--read-only")


@pytest.mark.parametrize("key", LARGEST)
def test_it_is_no_larger_than_it_should_be(key: str, image: Callable[[str], str]) -> None:
    size = inspect(image(key))["Size"]
    assert size < LARGEST[key], f"{size / 1e9:.2f} GB"


def test_the_accelerators_are_a_thin_layer_over_the_same_engine(image: Callable[[str], str]) -> None:
    """Intel's OpenCL is found by the loader that OpenVINO's GPU plugin uses."""
    found = shell(image("triton-openvino-intel"), "cat /etc/OpenCL/vendors/*.icd; /sbin/ldconfig -p")
    assert "libigdrcl" in found
    assert "libOpenCL.so.1" in found
    assert "libze_loader.so.1" in found


def left_behind(tag: str) -> set[str]:
    folders = "/build /root/.cache /opt/modelyard/bin/pip /.git /tests /.env"
    caches = "/var/lib/apt/lists /var/cache/apt/archives /tmp /var/tmp"
    # A certificate's private key or a password file would have such a name.
    secrets = "-name '*.key' -o -name .netrc -o -name .pypirc -o -name 'id_rsa*'"
    listed = shell(
        tag,
        f"ls -d {folders} 2>/dev/null; find {caches} -type f ! -name lock 2>/dev/null;"
        f"find / -xdev -type f \\( {secrets} \\) 2>/dev/null; :",
        "--user=0:0",
    )
    return set(listed.split("\n")) - {""}


def sbom(tag: str) -> dict[str, Any]:
    bill: dict[str, Any] = json.loads(docker("run", "--rm", "--entrypoint=cat", tag, SBOM))
    return bill

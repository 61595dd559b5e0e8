"""The Dockerfiles and the small programs in them, as far as no container engine is needed."""

from __future__ import annotations

import hashlib
import http.server
import importlib.util
import os
import re
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from modelyard import __version__
from modelyard.deployment.images import DRIVERS_LABEL, IMAGES, build_command
from tests.deploy.building import ROOT

# Of the environment that the tests run in, whether or not it is on the PATH.
PROGRAMS = Path(sys.executable).parent
DOCKER = ROOT / "deploy/docker"
DOCKERFILES = sorted(DOCKER.glob("*/Dockerfile"))


def test_every_dockerfile_is_one_of_the_images() -> None:
    assert {path.relative_to(ROOT) for path in DOCKERFILES} == {image.dockerfile for image in IMAGES.values()}


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_hadolint_has_nothing_to_say(dockerfile: Path) -> None:
    done = subprocess.run(
        [str(PROGRAMS / "hadolint"), "--config", str(DOCKER / ".hadolint.yaml"), str(dockerfile)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("script", sorted(DOCKER.glob("*/*.sh")), ids=lambda path: path.name)
def test_shellcheck_has_nothing_to_say(script: Path) -> None:
    done = subprocess.run([str(PROGRAMS / "shellcheck"), str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_what_it_is_made_of_is_pinned(dockerfile: Path) -> None:
    """Bases by a tag that names a version, or by a stage; no latest, nothing downloaded by an address of its own."""
    text = dockerfile.read_text()
    bases = re.findall(r"^ARG \w+_IMAGE=(\S+)$", text, re.M)
    assert bases
    assert all(re.search(r":[^:]*(\d\d\.\d\d|3\.11|bookworm)", base) for base in bases)
    assert not re.search(r"^ADD ", text, re.M)


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_the_version_that_it_states_is_this_one(dockerfile: Path) -> None:
    assert re.findall(r"^ARG VERSION=(.*)$", dockerfile.read_text(), re.M) == [__version__]


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_every_source_of_a_copy_is_in_the_context(dockerfile: Path) -> None:
    """What .dockerignore lets through is all that a Dockerfile takes, and it is there."""
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for line in re.findall(r"^COPY (?!--from)(.*)$", dockerfile.read_text(), re.M):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert any(Path(source).match(allowed) or source.startswith(f"{allowed}/") for allowed in let_in), source


def test_the_command_that_builds() -> None:
    command = build_command(
        IMAGES["triton-openvino-intel"], "1.2.3", prefix="host/yard", revision="abc", arguments={"OFFLINE": "1"}
    )
    assert command[:6] == [
        "docker",
        "build",
        "--file",
        "deploy/docker/triton-openvino/Dockerfile",
        "--tag",
        "host/yard/triton-openvino:1.2.3-intel",
    ]
    arguments = {command[i + 1] for i, word in enumerate(command) if word == "--build-arg"}
    assert arguments == {"VERSION=1.2.3", "VARIANT=intel", "OFFLINE=1", "REVISION=abc"}
    assert command[-1] == "."


def test_make_images_takes_a_base_and_mirrors_from_the_shell(tmp_path: Path) -> None:
    said = tmp_path / "said"
    docker = tmp_path / "docker"
    docker.write_text(f'#!/bin/sh\necho "$PYTHON_IMAGE" "$@" > {said}\n')
    docker.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHON_IMAGE": "python@sha256:abc"}
    command = [sys.executable, "-m", "modelyard.deployment.images", "gateway"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    words = said.read_text().split()
    assert words[0] == "python@sha256:abc"
    assert words[words.index("PYTHON_IMAGE") - 1] == "--build-arg"


def test_the_wheels_of_an_offline_build_are_all_told() -> None:
    """Every list that a Dockerfile or its programs install from is in the folder's page."""
    page = (DOCKER / "wheels/README.md").read_text()
    texts = [path.read_text() for path in (*DOCKERFILES, *DOCKER.glob("common/*.sh"))]
    copied = {line for text in texts for line in re.findall(r"requirements/\S+\.txt", text)}
    lists = {name for text in texts for name in re.findall(r'--requirement "?\S*/(\w+\.txt)', text)}
    assert {"requirements/engine.txt", "requirements/convert.txt"} <= copied
    assert {"build.txt", "sbom.txt"} <= lists
    for name in (*copied, *(f"deploy/docker/common/{name}" for name in ("build.txt", "sbom.txt"))):
        assert name in page, name


class Answering(http.server.BaseHTTPRequestHandler):
    """The path says the status: /health/ready answers `status`, whatever is asked under it."""

    status = 200
    asked: list[str]

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        body = b"the reason" if self.path != "/driver.deb" else b"a package"
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[http.server.HTTPServer]:
    handler = type("Handler", (Answering,), {})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as made:
        made.asked = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_gateways_health_check(server: http.server.HTTPServer, status: int, code: int) -> None:
    server.RequestHandlerClass.status = status  # type: ignore[attr-defined]
    done = _python("gateway/healthcheck.py", MODELYARD_HOST="0.0.0.0", MODELYARD_PORT=str(server.server_port))
    assert (done.returncode, done.stdout) == (code, "the reason\n")
    assert server.asked == ["/health/ready"]  # type: ignore[attr-defined]


def test_the_gateways_health_check_without_a_gateway(server: http.server.HTTPServer) -> None:
    port = server.server_port
    server.server_close()
    done = _python("gateway/healthcheck.py", MODELYARD_HOST="127.0.0.1", MODELYARD_PORT=str(port))
    assert done.returncode == 1
    assert f"no answer on port {port}" in done.stdout


def test_the_balancers_health_check(server: http.server.HTTPServer) -> None:
    command = [str(DOCKER / "balancer/healthcheck.sh"), str(server.server_port), "/health"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "/health answers 200\n")
    server.RequestHandlerClass.status = 503  # type: ignore[attr-defined]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1
    server.server_close()
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


def test_tritons_health_check_reads_the_port_from_its_command_line(tmp_path: Path) -> None:
    check = _module("common/triton_healthcheck.py")
    assert check.tritonserver_arguments(tmp_path) is None
    for number, words in (("1", ["tini"]), ("7", ["/opt/bin/tritonserver", "--http-port=9000", "--http-port=9001"])):
        (tmp_path / number).mkdir()
        (tmp_path / number / "cmdline").write_bytes("\0".join([*words, ""]).encode())
    assert check.tritonserver_arguments(tmp_path) == {"--http-port": "9001"}


def test_a_download_must_be_what_its_checksum_says(server: http.server.HTTPServer, tmp_path: Path) -> None:
    fetch = _module("triton-openvino/fetch.py").fetch
    url = f"http://127.0.0.1:{server.server_port}/driver.deb"
    right = hashlib.sha256(b"a package").hexdigest()
    assert fetch(f"{url}#sha256={right}", tmp_path).read_bytes() == b"a package"
    with pytest.raises(ValueError, match="expected 0000"):
        fetch(f"{url}#sha256=0000", tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="has no checksum"):
        fetch(url, tmp_path)


def test_an_archive_of_drivers_gives_its_packages_and_no_firmware(tmp_path: Path) -> None:
    unpack = _module("triton-openvino/fetch.py").unpack
    given = ("intel-level-zero-npu_1.deb", "intel-driver-compiler-npu_1.deb", "intel-fw-npu_1.deb", "npu-dbgsym_1.deb")
    packages = tmp_path / "made"
    packages.mkdir()
    for name in (*given, "README"):
        (packages / name).write_text(name)
    archive = tmp_path / "packages/linux-npu-driver.tar.gz"
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(packages, "linux-npu-driver")
    assert {path.name for path in unpack(archive)} == set(given[:2])
    assert {path.name: path.read_text() for path in archive.parent.iterdir()} == {name: name for name in given[:2]}
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(packages / "README", "README")
    with pytest.raises(ValueError, match="no packages"):
        unpack(archive)


def test_the_image_for_intel_says_what_drivers_it_was_given() -> None:
    text = (DOCKER / "triton-openvino/Dockerfile").read_text().rpartition("\nFROM ")[2]
    assert 'ARG DRIVER_URLS=""' in text
    assert f'{DRIVERS_LABEL}="${{DRIVER_URLS}}"' in text


def _python(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", str(DOCKER / script)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def _module(script: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(script).stem, DOCKER / script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

"""The images at work together: a checkpoint is converted, served and asked, each container hardened."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.deploy.building import ROOT
from tests.deploy.images.containers import (
    HARDENED,
    container,
    docker,
    inspect,
    logs,
    network,
    wait_for_health,
)

# Triton's wheel is a CUDA build: it looks for the driver once, and no flag of it says that there is none.
_WITHOUT_CUDA = "CudaDriverHelper has not been initialized."
# HAProxy has one level for all that happens to a server, and says also so that one was found and is ready.
_GOOD_NEWS = re.compile(
    r"changed its IP from \(none\) to|is UP/READY|administratively READY|Health check .* succeeded|is UP[,.]"
)


@dataclass(frozen=True)
class Running:
    """The names of the containers, and where the balancer listens on this machine."""

    triton: str
    gateway: str
    balancer: str
    url: str
    key: str


@pytest.fixture(scope="module")
def folder(image: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With `models/`, into which the converter's image has put the demo model, with no network."""
    made = tmp_path_factory.mktemp("data")
    for path in (made, *made.parents):
        if path.owner() == made.owner() and path != Path("/tmp"):
            path.chmod(0o755)
    # The containers' user is a number that this machine need not know.
    user = "10001:10001" if os.geteuid() == 0 else f"{os.geteuid()}:{os.getegid()}"
    if os.geteuid() == 0:
        os.chown(made, 10001, 10001)
    docker(
        "run",
        "--rm",
        "--network=none",
        f"--user={user}",
        *HARDENED,
        f"--volume={made}:/data",
        f"--volume={ROOT / 'demo/checkpoint'}:/checkpoint:ro",
        "--env=MODELYARD_MODEL_REPOSITORY=/data/models",
        image("converter"),
        "convert",
        "/checkpoint",
        "--name=demo",
    )
    return made


@pytest.fixture(scope="module")
def running(folder: Path, image: Callable[[str], str]) -> Iterator[Running]:
    key = secrets.token_hex(16)
    secret = folder / "key"
    secret.write_text(key)
    secret.chmod(0o444)
    models = f"--volume={folder / 'models'}:/models:ro"
    settings = (
        "--env=MODELYARD_TRITON_URLS=dns://triton:8001",
        "--env=MODELYARD_API_KEY_FILE=/run/secrets/modelyard_api_key",
        "--env=MODELYARD_MODELS=demo",
        f"--volume={secret}:/run/secrets/modelyard_api_key:ro",
    )
    serves = ("--network-alias=triton", "--shm-size=1g", models)
    with network() as net, contextlib.ExitStack() as stack:

        def started(which: str, *options: str) -> str:
            name = stack.enter_context(container(image(which), options=(f"--network={net}", *options)))
            wait_for_health(name)
            return name

        triton = started("triton-openvino", *serves)
        gateway = started("gateway", "--network-alias=gateway", models, *settings)
        balancer = started("balancer", "--publish=127.0.0.1::11434")
        port = docker("port", balancer, "11434/tcp").strip().rpartition(":")[2]
        yield Running(triton, gateway, balancer, f"http://127.0.0.1:{port}", key)


def test_a_streamed_answer_comes_through_all_of_them(running: Running) -> None:
    asked = {"model": "demo", "stream": True, "max_tokens": 16, "messages": [{"role": "user", "content": "Hello"}]}
    words = []
    with httpx.stream(
        "POST",
        f"{running.url}/v1/chat/completions",
        json=asked,
        headers={"Authorization": f"Bearer {running.key}"},
        timeout=60,
        trust_env=False,
    ) as answer:
        assert answer.status_code == 200, answer.read()
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                words += [choice["delta"].get("content") or "" for choice in json.loads(line[6:])["choices"]]
    assert "".join(words).strip()


def test_without_the_key_nothing_is_answered(running: Running) -> None:
    answer = httpx.get(f"{running.url}/v1/models", trust_env=False)
    assert answer.status_code == 401
    assert running.key not in logs(running.gateway)
    assert running.key not in json.dumps(inspect(running.gateway))


def test_the_log_of_a_healthy_start_has_no_warning(running: Running) -> None:
    gateway = [json.loads(line) for line in logs(running.gateway).splitlines() if line.startswith("{")]
    assert gateway
    assert [line for line in gateway if line["level"] != "info"] == []
    triton = [line for line in logs(running.triton).splitlines() if re.match(r"[WEF]\d{4} ", line)]
    assert [line for line in triton if _WITHOUT_CUDA not in line] == []
    assert "WARNING" not in logs(running.triton)
    balancer = [line for line in logs(running.balancer).splitlines() if re.search("WARNING|ALERT", line)]
    assert [line for line in balancer if not _GOOD_NEWS.search(line)] == []


def test_each_runs_as_the_user_of_its_image(running: Running) -> None:
    for name in (running.triton, running.gateway, running.balancer):
        # Through /proc: the first process, whatever it became.
        status = docker("exec", name, "cat", "/proc/1/status")
        assert re.search(r"^Uid:\s+10001\s+10001\s", status, re.M), status
        assert re.search(r"^NoNewPrivs:\s+1$", status, re.M)


def test_a_command_in_the_gateways_container_knows_the_service(running: Running) -> None:
    shown = docker("exec", "--env=COLUMNS=200", running.gateway, "modelyard", "ps")
    assert "demo" in shown


def test_a_gateway_without_its_triton_turns_unhealthy_and_back(running: Running) -> None:
    docker("stop", "--time=60", running.triton)
    # Triton was asked to end and did so by itself.
    assert inspect(running.triton)["State"]["ExitCode"] == 0
    wait_for_health(running.gateway, "unhealthy")
    docker("start", running.triton)
    wait_for_health(running.gateway, "healthy")


def test_a_gateway_that_is_stopped_ends_by_itself(running: Running) -> None:
    docker("stop", "--time=60", running.gateway)
    assert inspect(running.gateway)["State"]["ExitCode"] == 0


def test_the_cuda_image_starts_the_tritonserver_of_its_base(image: Callable[[str], str]) -> None:
    """On a base that looks like NVIDIA's; vLLM and CUDA are not there, so nothing is loaded."""
    with container(image("triton-cuda"), options=("--shm-size=1g",)) as name:
        wait_for_health(name)
        command = docker("exec", name, "cat", "/proc/1/cmdline").split("\0")
        assert command[0] == "/opt/tritonserver/bin/tritonserver"
        assert "--backend-directory=/opt/tritonserver/backends" in command
        there = docker("exec", name, "ls", "/opt/tritonserver/backends").split()
        assert {"common", "diffusers", "python"} <= set(there)


def test_a_folder_that_is_not_there_is_said_in_one_sentence(image: Callable[[str], str]) -> None:
    done = subprocess.run(
        ["docker", "run", "--rm", *HARDENED, image("triton-openvino"), "--repository=/nowhere"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "there is no folder /nowhere" in done.stderr
    assert "Traceback" not in done.stderr

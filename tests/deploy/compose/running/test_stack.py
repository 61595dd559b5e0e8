"""The service as it runs: who reaches what, what a stop costs, what the balancer says when nobody is there."""

from __future__ import annotations

import concurrent.futures
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import httpx
import pytest
import websockets.sync.client

from modelyard.deployment.images import IMAGES
from tests.deploy.base_images import DEBIAN
from tests.deploy.compose.running.stack import KEY, Stack, inspect_network, wait_until
from tests.deploy.images.containers import docker, inspect

# Asks in Triton's own words on both ports: a connection alone proves nothing where a proxy on the way accepts them all.
_ASK_TRITON = """
import sys, urllib.request, grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

urllib.request.install_opener(urllib.request.build_opener(urllib.request.ProxyHandler({})))
for address in sys.argv[1:]:
    try:
        with urllib.request.urlopen(f"http://{address}:8000/v2", timeout=5) as answer:
            print("http", address) if b'"triton"' in answer.read() else None
    except OSError:
        pass
    try:
        channel = grpc.insecure_channel(f"{address}:8001", options=[("grpc.enable_http_proxy", 0)])
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        print("grpc", address) if stub.ServerLive(service_pb2.ServerLiveRequest(), timeout=5).live else None
    except grpc.RpcError:
        pass
"""


def test_an_answer_comes_through_the_balancer(stack: Stack) -> None:
    body = {"model": "demo", "messages": [{"role": "user", "content": "What is Modelyard?"}]}
    answer = stack.client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200
    assert answer.json()["choices"][0]["message"]["content"]


def test_nobody_comes_in_without_the_key(stack: Stack) -> None:
    for path in ("/v1/models", "/api/tags", "/metrics"):
        assert httpx.get(stack.url + path, trust_env=False).status_code == 401


def test_a_websocket_goes_through_the_balancer(stack: Stack) -> None:
    with websockets.sync.client.connect(
        stack.url.replace("http", "ws") + "/ws", additional_headers={"Authorization": f"Bearer {KEY}"}, proxy=None
    ) as connection:
        connection.send(json.dumps({"type": "ping", "data": "x"}))
        kinds = [json.loads(connection.recv(timeout=30))["type"] for _ in range(2)]
    assert kinds == ["hello", "pong"]


def test_only_the_engines_network_reaches_triton(stack: Stack) -> None:
    (triton,) = stack.containers("triton")
    address = inspect(triton)["NetworkSettings"]["Networks"][stack.network("engine")]["IPAddress"]
    inside = [f"http {address}", f"grpc {address}"]
    assert _reached_from(stack.network("engine"), address) == inside  # else what follows would prove nothing
    assert _reached_from(stack.network("front"), address, "triton") == []
    assert _reached_from("bridge", address) == []
    here = [sys.executable, "-c", _ASK_TRITON, address]
    assert subprocess.run(here, capture_output=True, text=True, check=True).stdout == ""


def _reached_from(network: str, *addresses: str) -> list[str]:
    python = ["run", "--rm", "--network", network, "--entrypoint=python3", IMAGES["gateway"].tag(), "-c"]
    return docker(*python, _ASK_TRITON, *addresses).splitlines()


def test_triton_reaches_nobody_outside(stack: Stack) -> None:
    host = inspect_network(stack.network("front"))["IPAM"]["Config"][0]["Gateway"]
    with socket.create_server((host, 0)) as listener:
        knock = f"exec 3<> /dev/tcp/{host}/{listener.getsockname()[1]} && echo reached"

        def knocked_from(network: str) -> str:
            script = ["timeout", "5", "bash", "-c", knock]
            run = ["docker", "run", "--rm", "--network", network, DEBIAN, *script]
            return subprocess.run(run, capture_output=True, text=True, check=False).stdout

        assert knocked_from(stack.network("front")) == "reached\n"  # else what follows would prove nothing
        assert knocked_from(stack.network("engine")) == ""


@pytest.mark.parametrize("service", ["balancer", "gateway", "triton", "prometheus", "host-figures"])
def test_a_container_is_hardened_and_bounded(stack: Stack, service: str) -> None:
    for container in stack.containers(service):
        found = inspect(container)
        host = found["HostConfig"]
        assert host["ReadonlyRootfs"] is True
        assert host["CapDrop"] == ["ALL"]
        assert "no-new-privileges:true" in host["SecurityOpt"]
        assert host["Memory"] > 0
        assert host["PidsLimit"] > 0
        assert host["LogConfig"]["Config"]["max-size"]
        assert host["RestartPolicy"]["Name"] == "unless-stopped"
        processes = docker("top", container, "-eo", "pid,uid").split()[3::2]
        assert "0" not in processes, "something runs as root"


def test_the_key_is_in_no_description_of_a_container(stack: Stack) -> None:
    for service in ("balancer", "gateway", "triton", "prometheus"):
        for container in stack.containers(service):
            assert KEY not in json.dumps(inspect(container))
    assert KEY not in stack.logs()


def test_an_answer_in_progress_outlives_its_gateway_and_no_request_is_refused(stack: Stack) -> None:
    stopped = stack.containers("gateway")[0]
    over = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        streams = [pool.submit(_words, stack, "words=60 delay=0.1") for _ in range(4)]
        others = pool.submit(lambda: list(_until(over, stack)))
        wait_until(lambda: _in_flight(stack) >= 4, stack.logs)
        docker("stop", stopped)
        over.set()
        assert [each.result() for each in streams] == [60] * 4
        assert set(others.result()) == {1}
    docker("start", stopped)
    wait_until(lambda: inspect(stopped)["State"]["Health"]["Status"] == "healthy", stack.logs)


def _until(over: threading.Event, stack: Stack) -> Iterator[int]:
    while not over.is_set():
        yield _words(stack, "words=1")


def _words(stack: Stack, prompt: str) -> int:
    """How many tokens came; fails on a status that is not 200 and on a stream without an end."""
    body = {
        "model": "parrot",
        "messages": [{"role": "user", "content": prompt}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 1000,
    }
    with stack.client.stream("POST", "/v1/chat/completions", json=body) as answer:
        assert answer.status_code == 200, (answer.read(), stack.logs())
        lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line]
    assert lines[-1] == "[DONE]", lines[-1]
    count: int = json.loads(lines[-2])["usage"]["completion_tokens"]
    return count


def _in_flight(stack: Stack) -> float:
    """Answers that the balancer has given to gateways and not seen the end of."""
    return _told_by_balancer(stack, "haproxy_backend_current_sessions")


def _told_by_balancer(stack: Stack, metric: str) -> float:
    (balancer,) = stack.containers("balancer")
    script = 'exec 3<> /dev/tcp/127.0.0.1/8404; printf "GET /metrics?scope=backend HTTP/1.0\\r\\n\\r\\n" >&3; cat <&3'
    page = docker("exec", balancer, "bash", "-c", script)
    (line,) = [each for each in page.splitlines() if each.startswith(metric + '{proxy="gateways"}')]
    return float(line.split()[1])


def test_without_a_gateway_the_balancer_says_so_in_json_and_finds_them_again(stack: Stack) -> None:
    gateways = stack.containers("gateway")
    docker("kill", *gateways)
    try:
        answer = stack.client.get("/v1/models")
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/json"
        assert int(answer.headers["retry-after"]) > 0
        assert answer.json()["error"]["code"] == "gateway_unavailable"
    finally:
        docker("start", *gateways)
    stack.wait_until_ready()


def test_a_stopping_balancer_lets_streams_end(stack: Stack) -> None:
    (balancer,) = stack.containers("balancer")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        stream = pool.submit(_words, stack, "words=40 delay=0.1")
        wait_until(lambda: _in_flight(stack) >= 1, stack.logs)
        docker("stop", balancer)
        assert stream.result() == 40
    docker("start", balancer)
    stack.wait_until_ready()


def test_a_triton_that_is_added_takes_a_share_and_one_that_is_taken_away_loses_no_answer(stack: Stack) -> None:
    def scale(tritons: int) -> None:
        stack.up("--no-deps", "--no-recreate", "--scale", f"triton={tritons}", "triton")

    before = set(stack.containers("triton"))
    over = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(lambda: list(_until(over, stack))) for _ in range(2)]
        try:
            scale(2)
            (added,) = set(stack.containers("triton")) - before
            wait_until(lambda: _answered_by(added, "parrot") > 0, stack.logs)
            stream = pool.submit(_words, stack, "words=60 delay=0.1")
        finally:
            scale(1)
            over.set()
        assert stack.containers("triton") == sorted(before)
        assert stream.result() == 60
        assert {words for each in answers for words in each.result()} == {1}


def _answered_by(triton: str, model: str) -> float:
    script = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8002/metrics', timeout=10).read().decode())"
    shown = subprocess.run(
        ["docker", "exec", triton, "python3", "-c", script], capture_output=True, text=True, check=False
    )
    counts = [
        line for line in shown.stdout.splitlines() if line.startswith(f'nv_inference_request_success{{model="{model}"')
    ]
    return sum(float(line.rpartition(" ")[2]) for line in counts)


def test_a_gateway_that_is_added_gets_requests_and_one_that_is_taken_away_none(stack: Stack) -> None:
    def scale(gateways: int) -> None:
        stack.up("--no-deps", "--no-recreate", "--scale", f"gateway={gateways}", "gateway")
        wait_until(lambda: _told_by_balancer(stack, "haproxy_backend_active_servers") == gateways, stack.logs)

    scale(3)
    try:
        assert [_words(stack, "words=1") for _ in range(6)] == [1] * 6
    finally:
        scale(2)
    assert [_words(stack, "words=1") for _ in range(4)] == [1] * 4

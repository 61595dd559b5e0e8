"""The wait for the first answer: what ends it, and with what words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler

import pytest

from modelyard.cli.gateway_client import GatewayClient, Place
from modelyard.deployment.containers import Seen, as_wanted
from modelyard.deployment.errors import DeploymentFailed
from modelyard.deployment.waiting import require_ready, wait_for_answer
from modelyard.errors import GatewayMissing
from tests.modelyard.deployment.test_steps import Heard
from tests.modelyard.listening import listening


def seen(service: str, status: str = "running", health: str = "healthy", restarts: int = 0) -> Seen:
    return Seen(
        service=service,
        name=f"mine_{service}_1",
        image="sha256:1",
        reference=f"modelyard/{service}:1.0",
        status=status,
        health=health,
        restarts=restarts,
        started="",
        config_hash="abc",
    )


def asking(*, refusals: int) -> Callable[[], str]:
    left = [refusals]

    def ask() -> str:
        if left[0]:
            left[0] -= 1
            raise GatewayMissing("no gateway answers")
        return "Hello"

    return ask


def wait(ask: Callable[[], str], *containers: Seen, heard: Heard | None = None, deadline_s: float = 60) -> str:
    return wait_for_answer(
        ask,
        lambda: containers,
        lambda one: f"last words of {one.service}",
        heard or Heard(),
        deadline_s=deadline_s,
        pause_s=0.01,
    )


def test_it_goes_on_until_there_is_an_answer_and_tells_what_it_sees_once() -> None:
    heard = Heard()
    assert wait(asking(refusals=3), seen("triton", health="starting"), heard=heard) == "Hello"
    assert heard.steps == ["waiting for the first answer: mine_triton_1 starting"]


@pytest.mark.parametrize("unwell", [seen("triton", status="exited", health=""), seen("triton", restarts=3)])
def test_a_container_that_will_not_stay_ends_it_at_once_with_its_last_words(unwell: Seen) -> None:
    with pytest.raises(DeploymentFailed) as raised:
        wait(asking(refusals=1000), seen("gateway"), unwell)
    assert "last words of triton" in raised.value.message
    assert "last words of gateway" not in raised.value.message


def test_a_container_that_took_more_memory_than_it_may_is_said_to_have() -> None:
    killed = replace(seen("triton", status="exited", health=""), out_of_memory=True)
    with pytest.raises(DeploymentFailed, match="mine_triton_1 exited, out of memory, started 1 times"):
        wait(asking(refusals=1000), killed)


def test_when_the_time_is_over_those_that_are_unwell_are_shown() -> None:
    with pytest.raises(DeploymentFailed) as raised:
        wait(asking(refusals=1000), seen("gateway", health="unhealthy"), seen("triton"), deadline_s=0.05)
    assert "no gateway answers" in raised.value.message
    assert "last words of gateway" in raised.value.message
    assert "last words of triton" not in raised.value.message


def test_where_all_are_well_all_are_shown() -> None:
    with pytest.raises(DeploymentFailed, match=r"(?s)words of gateway.*words of triton"):
        wait(asking(refusals=1000), seen("gateway"), seen("triton"), deadline_s=0)


@pytest.mark.parametrize(
    ("containers", "wanted"),
    [
        ([seen("gateway"), seen("triton")], True),
        ([seen("gateway")], False),
        ([seen("gateway"), seen("triton", status="exited")], False),
        ([seen("gateway"), seen("triton"), seen("triton")], False),
        ([seen("gateway"), seen("triton"), seen("grafana")], False),
    ],
)
def test_containers_are_as_wanted_only_when_each_runs_as_often_as_it_should(
    containers: list[Seen], wanted: bool
) -> None:
    assert as_wanted(containers, {"gateway": "abc", "triton": "abc"}, {}) is wanted


def test_another_configuration_is_not_as_wanted() -> None:
    assert not as_wanted([seen("gateway")], {"gateway": "def"}, {})
    assert as_wanted([seen("gateway"), seen("gateway")], {"gateway": "abc"}, {"gateway": 2})


@pytest.fixture
def starting() -> Iterator[str]:
    """A published port while a deployment starts: the balancer answers, then a gateway, which is ready at the end."""
    answers = iter(
        [
            (503, {"error": {"message": "No gateway is ready.", "code": "gateway_unavailable"}}),
            (503, {"status": "starting"}),
            (200, {"status": "ready"}),
        ]
    )

    class Port(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = next(answers)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with listening(Port) as port:
        yield f"http://127.0.0.1:{port}"


def test_a_gateway_is_waited_for_behind_its_balancer_too(starting: str) -> None:
    with GatewayClient(Place(starting, local=False)) as gateway:
        for state in ("unavailable", "starting"):
            with pytest.raises(GatewayMissing, match=f"is {state}$"):
                require_ready(gateway)
        require_ready(gateway)

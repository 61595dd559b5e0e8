"""Prometheus over the running service: what it finds, and that every figure which is asked for really exists."""

from __future__ import annotations

import contextlib
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.deploy.compose.files import MONITORING, PROMTOOL_TESTS, ROOT, alerts, dashboards, panel_expressions
from tests.deploy.compose.promql import grouping_labels, selectors
from tests.deploy.compose.running.stack import Stack, wait_until
from tests.deploy.images.containers import docker

_ALERTS = "ALERTS"  # Prometheus's own, there while an alert is pending or fires
_GPU = "nv_gpu_"  # told by Triton where there is an NVIDIA GPU only


class Prometheus:
    """Asks it as Grafana does."""

    def __init__(self, stack: Stack) -> None:
        self._url = f"http://127.0.0.1:{stack.variables['MODELYARD_PROMETHEUS_PORT']}/api/v1"

    def get(self, path: str, **parameters: str) -> Any:
        answer = httpx.get(f"{self._url}/{path}", params=parameters, trust_env=False, timeout=30.0)
        assert answer.status_code == 200, f"{parameters}: {answer.text}"
        return answer.json()["data"]

    def targets(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for each in self.get("targets")["activeTargets"]:
            found.setdefault(each["labels"]["job"], []).append(each["health"])
        return found

    def query(self, expression: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("query", query=expression)["result"]
        return found

    def labels(self, metric: str) -> set[str]:
        """Of all its series; empty when there is none."""
        now = time.time()
        series = self.get("series", **{"match[]": metric, "start": str(now - 3600), "end": str(now)})
        return {label for each in series for label in each}


@pytest.fixture(scope="module")
def prometheus(stack: Stack) -> Prometheus:
    """After some life: answers, a refusal, clients that leave, a model that is unloaded."""
    asked = Prometheus(stack)
    wait_until(lambda: {state for states in asked.targets().values() for state in states} == {"up"}, asked.targets)
    _live(stack)
    wait_until(lambda: _counted(asked, "modelyard_gateway_cancelled_requests_total"), stack.logs)
    _live(stack)
    wait_until(lambda: _counted(asked, "modelyard_gateway_model_unloads_total"), stack.logs)
    return asked


def _counted(asked: Prometheus, metric: str) -> bool:
    return bool(asked.query(f"sum({metric}) > 0"))


def _live(stack: Stack) -> None:
    with stack.client as client:
        for model, words in (("demo", "What is Modelyard?"), ("parrot", "words=20"), ("cockatoo", "words=3")):
            body = {"model": model, "messages": [{"role": "user", "content": words}]}
            assert client.post("/v1/chat/completions", json=body).status_code == 200
        assert client.post("/v1/chat/completions", json={**body, "model": "nobody"}).status_code == 404
        slow = {"model": "parrot", "prompt": "words=100 delay=0.2", "stream": True}
        for _ in stack.containers("gateway"):
            with contextlib.suppress(StopIteration), client.stream("POST", "/api/generate", json=slow) as answer:
                next(answer.iter_lines())
        for _ in range(2 * len(stack.containers("gateway"))):
            client.post("/api/generate", json={"model": "cockatoo", "keep_alive": 0})


def test_everything_that_runs_is_scraped_once(prometheus: Prometheus) -> None:
    assert prometheus.targets() == {
        "modelyard-gateway": ["up", "up"],
        "modelyard-triton": ["up"],
        "modelyard-balancer": ["up"],
        "modelyard-host": ["up"],
        "prometheus": ["up"],
    }


def test_all_rules_are_loaded_and_none_fails(prometheus: Prometheus) -> None:
    rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    assert {rule["name"] for rule in rules} == set(alerts())
    assert {rule["health"] for rule in rules} == {"ok"}


def test_promtool_finds_nothing_wrong(tools: dict[str, str]) -> None:
    def promtool(*arguments: str) -> str:
        return docker(
            "run", "--rm", "--network=none", f"--volume={ROOT}:{ROOT}:ro", f"--workdir={MONITORING / 'prometheus'}",
            "--entrypoint=promtool", tools["prometheus"], *arguments,
        )  # fmt: skip

    assert "SUCCESS" in promtool("check", "config", "--syntax-only", "prometheus.yml")
    tests = sorted(map(str, PROMTOOL_TESTS.glob("*.test.yml")))
    assert promtool("test", "rules", *tests).count("SUCCESS") == len(tests)


def test_the_balancers_configuration_has_no_warning(stack: Stack) -> None:
    (balancer,) = stack.containers("balancer")
    checked = subprocess.run(
        ["docker", "exec", balancer, "haproxy", "-c", "-f", "/etc/haproxy/haproxy.cfg"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    assert "WARNING" not in checked.stdout + checked.stderr


_EXPRESSIONS = {**{name: rule["expr"] for name, rule in alerts().items()}, **panel_expressions()}


@pytest.mark.parametrize("where", _EXPRESSIONS)
def test_every_metric_and_label_exists(where: str, prometheus: Prometheus, gpu_metrics: frozenset[str]) -> None:
    expression = _EXPRESSIONS[where]
    prometheus.query(expression)  # fails where Prometheus cannot read it
    known: set[str] = set()
    for selector in selectors(expression):
        if selector.metric == _ALERTS:
            known |= {"alertname", "alertstate"}
        elif selector.metric.startswith(_GPU):
            assert any(selector.metric.startswith(name) for name in gpu_metrics)
            known |= {"gpu_uuid", "instance"}
        else:
            has = prometheus.labels(selector.metric)
            assert has, f"there is no {selector.metric}"
            assert selector.labels <= has, f"{selector.metric} has {sorted(has)}"
            known |= has
    assert grouping_labels(expression) <= known


@pytest.mark.parametrize("where", panel_expressions())
def test_every_panel_has_something_to_show(where: str, prometheus: Prometheus) -> None:
    expression = panel_expressions()[where]
    if any(selector.metric.startswith(_GPU) for selector in selectors(expression)):
        assert prometheus.query(expression) == []  # no GPU, and no wrong figure for one
    else:
        # A rate is there from the second scrape on.
        wait_until(lambda: bool(prometheus.query(expression)), lambda: expression)


@pytest.mark.parametrize("name", dashboards())
def test_the_choices_of_a_dashboard_are_not_empty(name: str, prometheus: Prometheus) -> None:
    for variable in dashboards()[name]["templating"]["list"]:
        metric, _, label = variable["definition"].removeprefix("label_values(").removesuffix(")").partition(", ")
        assert label in prometheus.labels(metric)


def test_a_service_that_does_well_raises_no_alarm(prometheus: Prometheus) -> None:
    """Nor is about to: one that waits for minutes before it fires is pending while what it asks for is true."""
    # The disk and the memory are this machine's, and gateways come and go because other tests make them.
    of_others = "ModelyardDisk.*|ModelyardMemoryShort|ModelyardGatewayFlapping"

    def alarms() -> list[str]:
        return [each["metric"]["alertname"] for each in prometheus.query(f'{_ALERTS}{{alertname!~"{of_others}"}}')]

    wait_until(lambda: alarms() == [], alarms)


@pytest.fixture(scope="session")
def gpu_metrics(stack: Stack) -> frozenset[str]:
    """The names that this tritonserver would use, read in its library: without a GPU it tells none of them.

    Of some it is only the beginning, since the compiler has put the rest into the code.
    """
    script = (
        "import pathlib, re\n"
        "(library,) = pathlib.Path('/opt').rglob('libtritonserver*.so')\n"
        "found = re.findall(rb'nv_gpu_(?:(?!nv_gpu_)[a-z_]){8,}', library.read_bytes())\n"
        "print(*{name.decode() for name in found})"
    )
    return frozenset(docker("exec", stack.containers("triton")[0], "python3", "-c", script).split())


def test_the_key_for_the_figures_is_read_from_a_file() -> None:
    assert "credentials_file: /run/secrets/" in Path(MONITORING / "prometheus/prometheus.yml").read_text()

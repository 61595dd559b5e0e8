"""Rules, runbooks and dashboards fit together; whether the metrics exist is asked of the real ones in running/."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.deploy.compose.files import (
    MONITORING,
    OPERATIONS,
    PROMTOOL_TESTS,
    ROOT,
    alerts,
    dashboards,
    panel_expressions,
)
from tests.deploy.compose.promql import Selector, grouping_labels, selectors

DATASOURCE = {"type": "prometheus", "uid": "modelyard-prometheus"}


@pytest.mark.parametrize("name", alerts())
def test_an_alert_has_a_runbook(name: str) -> None:
    rule = alerts()[name]
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert (page, anchor) == ("docs/operations.md", name.lower())
    sections = re.split(r"^#+ ", OPERATIONS.read_text(), flags=re.MULTILINE)
    (section,) = [each for each in sections if each.partition("\n")[0] == name]
    assert len(section.split()) > 30, "a runbook says what it means and what to do"


def test_no_runbook_is_of_an_alert_that_is_gone() -> None:
    headings = re.findall(r"^#+ (Modelyard[A-Z]\w+)$", OPERATIONS.read_text(), flags=re.MULTILINE)
    assert set(headings) == set(alerts())


@pytest.mark.parametrize("name", alerts())
def test_an_alert_says_how_bad_it_is(name: str) -> None:
    rule = alerts()[name]
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["for"]
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}


@pytest.mark.parametrize("name", alerts())
def test_an_alert_is_seen_firing_by_promtool(name: str) -> None:
    expected = re.findall(r'alertname="(\w+)"', "".join(_expected_samples()))
    assert name in expected


def _expected_samples() -> list[str]:
    return [
        sample["labels"]
        for path in PROMTOOL_TESTS.glob("*.test.yml")
        for test in yaml.safe_load(path.read_text())["tests"]
        for asked in test["promql_expr_test"]
        for sample in [*asked["exp_samples"], {"labels": asked["expr"]} if asked["exp_samples"] else {"labels": ""}]
    ]


def test_the_dashboards_are_those_we_mean() -> None:
    assert set(dashboards()) == {"overview", "models", "engine", "balancer"}
    uids = [dashboard["uid"] for dashboard in dashboards().values()]
    assert len(set(uids)) == len(uids)


@pytest.mark.parametrize("name", dashboards())
def test_panels_have_ids_and_places_of_their_own(name: str) -> None:
    panels = dashboards()[name]["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        fields = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not taken & fields, panel["title"]
        taken |= fields


@pytest.mark.parametrize("name", dashboards())
def test_a_panel_says_what_it_shows_and_asks_our_prometheus(name: str) -> None:
    for panel in dashboards()[name]["panels"]:
        if panel["type"] == "row":
            continue
        assert panel["description"]
        assert panel["targets"]
        assert panel["datasource"] == DATASOURCE
    for variable in dashboards()[name]["templating"]["list"]:
        assert variable["datasource"] == DATASOURCE


HAPROXY = {
    "compose": ROOT / "deploy/compose/haproxy.cfg",
    "hosts": ROOT / "ansible/roles/load_balancer/templates/haproxy.cfg.j2",
}


@pytest.mark.parametrize("deployment", HAPROXY)
def test_the_balancer_has_the_names_that_are_asked_for(deployment: str) -> None:
    asked = {
        (side, proxy)
        for expression in [*panel_expressions().values(), *(rule["expr"] for rule in alerts().values())]
        for side, proxy in re.findall(r'haproxy_(frontend|backend|server)_\w+\{[^}]*?proxy="([^"]+)"', expression)
    }
    named = re.findall(r"^(frontend|backend) (\S+)$", HAPROXY[deployment].read_text(), flags=re.MULTILINE)
    assert {side for side, _ in asked} == {"frontend", "backend", "server"}
    assert {("backend" if side == "server" else side, proxy) for side, proxy in asked} <= set(named)


def test_grafana_is_provisioned_with_what_the_dashboards_ask_for() -> None:
    provisioning = MONITORING / "grafana/provisioning"
    (source,) = _yaml(provisioning / "datasources/prometheus.yml")["datasources"]
    assert {"type": source["type"], "uid": source["uid"]} == DATASOURCE
    scraping = _yaml(MONITORING / "prometheus/prometheus.yml")["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == scraping
    (provider,) = _yaml(provisioning / "dashboards/modelyard.yml")["providers"]
    assert provider["options"]["path"] == "/etc/modelyard/dashboards"  # where compose.monitoring.yml mounts them


def _yaml(path: Any) -> Any:
    return yaml.safe_load(path.read_text())


def test_expressions_are_taken_apart_as_they_are_meant() -> None:
    expression = 'sum by (model, le) (rate(a_total{x=~"5..|b",y!="{"}[5m])) / on (model) b > 0.5 and vector(1) == c'
    assert selectors(expression) == [
        Selector("a_total", frozenset({"x", "y"})),
        Selector("b", frozenset()),
        Selector("c", frozenset()),
    ]
    assert grouping_labels(expression) == {"model", "le"}

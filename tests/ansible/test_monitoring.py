"""The role monitoring: Prometheus reads exactly the hosts of the inventory, under the names that the alert rules use.

That Prometheus itself takes the file was seen on a host; the role has promtool check it there each time.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ansible import tools

HOSTS: dict[str, dict[str, Any]] = {
    "gateway-1": {"ansible_host": "192.0.2.21"},
    "gateway-2": {"ansible_host": "192.0.2.22", "gateway_instances": 1, "gateway_first_port": 12000},
    "model-1": {"ansible_host": "203.0.113.7", "modelyard_address": "192.0.2.31"},
    "gone": {"ansible_host": "192.0.2.39"},
    "balancer-1": {"ansible_host": "192.0.2.10"},
    "watch-1": {"ansible_host": "192.0.2.40"},
}
GROUPS = {
    "gateways": ["gateway-1", "gateway-2"],
    "model_servers": ["model-1", "gone"],
    "balancers": ["balancer-1"],
    "monitoring": ["watch-1"],
    "retired": ["gone"],
}
MORE: dict[str, Any] = {"job_name": "mine", "static_configs": [{"targets": ["192.0.2.99:1"]}]}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder: Path = tmp_path_factory.mktemp("monitoring")
    inventory = {
        "all": {
            "hosts": HOSTS,
            "vars": {
                "ansible_python_interpreter": "{{ ansible_playbook_python }}",
                "monitoring_extra_scrape_configs": [MORE],
                "monitoring_alertmanagers": ["192.0.2.50:9093"],
                "modelyard_api_key": "a-key-of-some-length",
            },
            "children": {name: {"hosts": dict.fromkeys(members)} for name, members in GROUPS.items()},
        }
    }
    tools.render(Path(__file__).with_name("render_monitoring.yml"), inventory, folder)
    found: dict[str, str] = json.loads((folder / "rendered.json").read_text())
    return found


def targets(config: str) -> dict[str, list[str]]:
    return {job["job_name"]: job["static_configs"][0]["targets"] for job in yaml.safe_load(config)["scrape_configs"]}


def test_the_inventory_is_watched_without_who_has_left(written: dict[str, str]) -> None:
    assert targets(written["config"]) == {
        "modelyard-gateway": ["192.0.2.21:11441", "192.0.2.21:11442", "192.0.2.22:12000"],
        "modelyard-triton": ["192.0.2.31:8002"],
        "modelyard-balancer": ["192.0.2.10:8404"],
        "modelyard-host": [f"192.0.2.{number}:9100" for number in (10, 21, 22, 31, 40)],
        "prometheus": ["127.0.0.1:9090"],
        "mine": ["192.0.2.99:1"],
    }


def test_the_jobs_are_called_as_the_rules_call_them(written: dict[str, str]) -> None:
    rules = [path.read_text() for path in sorted((tools.ROOT / "deploy/monitoring/prometheus/rules").glob("*.yml"))]
    named = set(re.findall(r'job="([^"]+)"', "".join(rules)))
    assert named
    assert named <= set(targets(written["config"]))


def test_the_key_is_in_a_file_of_its_own(written: dict[str, str]) -> None:
    assert "a-key-of-some-length" not in "".join(written.values())
    (gateways,) = [
        job for job in yaml.safe_load(written["config"])["scrape_configs"] if job["job_name"] == "modelyard-gateway"
    ]
    assert gateways["authorization"] == {"credentials_file": "/etc/prometheus/modelyard_api_key"}


def test_alertmanagers_are_told(written: dict[str, str]) -> None:
    (told,) = yaml.safe_load(written["config"])["alerting"]["alertmanagers"]
    assert told["static_configs"] == [{"targets": ["192.0.2.50:9093"]}]


def test_pages_without_a_key_are_on_loopback(written: dict[str, str]) -> None:
    assert "--web.listen-address=127.0.0.1:9090 " in written["prometheus"]
    assert "GF_SERVER_HTTP_ADDR=127.0.0.1" in written["grafana"]


def test_rules_and_dashboards_are_those_of_the_other_deployments() -> None:
    role = tools.COLLECTION / "roles/monitoring/files"
    deploy = tools.ROOT / "deploy/monitoring"
    for own, shared in ((role / "rules", deploy / "prometheus/rules"), (role / "grafana", deploy / "grafana")):
        here = {path.relative_to(own): path.resolve() for path in own.rglob("*") if path.is_file()}
        assert here == {path.relative_to(shared): path for path in shared.rglob("*") if path.is_file()}
    (source,) = tools.load(deploy / "grafana/provisioning/datasources/prometheus.yml")["datasources"]
    used = set(re.findall(r'"uid": "(modelyard-prometheus)"', "".join(p.read_text() for p in deploy.rglob("*.json"))))
    assert used == {source["uid"]}

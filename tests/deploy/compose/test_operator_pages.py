"""What the pages for operators say of limits, names and versions is what Compose's files and the roles have."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from modelyard.settings import Settings
from tests.deploy.compose.files import COMPOSE, OPERATIONS, ROOT, compose_files, variables

ROLES = ROOT / "ansible/roles"
# A row of the table of limits: the variable of Compose with its default, and that of a role.
LIMITS = [
    ("memory of a gateway", "MODELYARD_GATEWAY_MEMORY", "gateway_memory"),
    ("its shared memory", "MODELYARD_TRITON_SHM", "model_server_shm_size"),
    ("how long answers may go on at a stop", "MODELYARD_DRAIN_TIMEOUT_S", "gateway_drain_timeout"),
    ("how long answers may go on at a stop", "MODELYARD_DRAIN_TIMEOUT_S", "model_server_drain_timeout"),
    ("how long a gateway that stops still takes requests", "MODELYARD_DRAIN_DELAY_S", "gateway_drain_delay"),
    ("figures that Prometheus keeps", "MODELYARD_METRICS_RETENTION", "monitoring_retention"),
    ("figures that Prometheus keeps", "MODELYARD_METRICS_SIZE", "monitoring_retention_size"),
]


def defaults(role: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROLES / role / "defaults/main.yml").read_text())
    return found


def role_variables() -> dict[str, Any]:
    return {name: value for role in ROLES.iterdir() if role.is_dir() for name, value in defaults(role.name).items()}


def compose_defaults() -> dict[str, str | None]:
    """Of each variable, that of the base file before that of the others."""
    files = compose_files()
    listed = [variable for path in (*files.values(), files[""]) for variable in variables(path)]
    return {variable.name: variable.default for variable in listed}


def row(title: str) -> str:
    (found,) = [line for line in OPERATIONS.read_text().splitlines() if line.startswith(f"| {title} |")]
    return found


@pytest.mark.parametrize(("title", "variable", "role_variable"), LIMITS)
def test_a_limit_is_what_both_deployments_have(title: str, variable: str, role_variable: str) -> None:
    compose, fleet = row(title).strip("|").split("|")[1:]
    assert re.search(rf"`{variable}`, {re.escape(str(compose_defaults()[variable]))}\b", compose)
    assert re.search(rf"`{role_variable}`, {re.escape(str(role_variables()[role_variable]))}\b", fleet)


def test_the_connections_of_the_balancer_are_those_of_both() -> None:
    (compose,) = re.findall(r"^ +maxconn (\d+)$", (COMPOSE / "haproxy.cfg").read_text(), flags=re.MULTILINE)
    fleet = defaults("load_balancer")["load_balancer_max_connections"]
    assert (
        f"`maxconn` in `haproxy.cfg`, {compose} | `load_balancer_max_connections`, {fleet} |" in OPERATIONS.read_text()
    )
    runbook = OPERATIONS.read_text().partition("### ModelyardBalancerNearLimit")[2].partition("###")[0]
    assert f"{compose} with Compose, {fleet} on a fleet" in runbook


def test_the_queue_is_as_long_on_both() -> None:
    ours = Settings.model_fields["queue_limit"].default
    assert compose_defaults()["MODELYARD_QUEUE_LIMIT"] == str(ours)
    assert not defaults("gateway")["gateway_environment"]
    assert row("answers that a gateway takes at once").count(str(ours)) == 2


def test_a_variable_of_a_role_that_a_runbook_names_exists() -> None:
    named = set(re.findall(r"`((?:gateway|model_server|load_balancer|monitoring)_[a-z_]+)`", OPERATIONS.read_text()))
    assert "model_server_memory" in named
    assert named <= set(role_variables())


def test_a_runbook_that_names_a_container_names_a_unit_too() -> None:
    runbooks = re.split(r"^### (?=Modelyard)", OPERATIONS.read_text(), flags=re.MULTILINE)[1:]
    asked = [text for text in runbooks if "docker compose ..." in text]
    assert len(asked) > 4
    for text in asked:
        assert re.search(r"journalctl -u|systemctl", text), text.partition("\n")[0]


def test_grafana_is_of_one_version_everywhere() -> None:
    image = compose_defaults()["MODELYARD_GRAFANA_IMAGE"]
    assert defaults("monitoring")["monitoring_grafana_image"] == image
    page = (ROOT / "docs/air-gapped.md").read_text()
    assert set(re.findall(r"[\w./]*grafana:[\d.]+", page)) == {image}

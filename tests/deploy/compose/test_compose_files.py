"""What every compose file promises: nothing unpinned, nothing unlimited, nothing open that need not be."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from tests.deploy.compose.files import COMPOSE, compose_files, interpolated, services, variables

GIVEN = {
    "MODELYARD_VERSION": "1.2.3",
    "MODELYARD_BALANCER_VERSION": "1.2.2",
    "MODELYARD_MODELS_DIR": "/srv/models",
    "MODELYARD_SECRETS_DIR": "/srv/secrets",
    "MODELYARD_TRITON_MEMORY": "4g",
    "MODELYARD_RENDER_GID": "993",
}
# A service is described where it has its limits; other files add to it.
WHOLE = [(name, service) for _, name, service in services(GIVEN) if "restart" in service]
NAMES = [name for name, _ in WHOLE]


@pytest.mark.parametrize("path", compose_files().values(), ids=lambda path: path.name)
def test_a_file_follows_the_compose_specification(path: Path) -> None:
    assert PyCompose.from_yaml(yaml.safe_dump(interpolated(path, GIVEN))).service_names()


def test_the_services_are_those_we_mean() -> None:
    assert set(NAMES) == {"balancer", "gateway", "triton", "prometheus", "grafana", "host-figures", "webui"}


@pytest.mark.parametrize(("name", "service"), WHOLE, ids=NAMES)
def test_a_service_is_hardened(name: str, service: dict[str, Any]) -> None:
    assert service["restart"] == "unless-stopped"
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add"} & set(service)
    # Open WebUI writes into its own folders when it starts.
    assert service.get("read_only") is (None if name == "webui" else True)


@pytest.mark.parametrize(("name", "service"), WHOLE, ids=NAMES)
def test_a_service_is_bounded(name: str, service: dict[str, Any]) -> None:
    assert service["mem_limit"]
    assert service["pids_limit"] > 0
    assert "cpus" in service
    assert service["logging"]["driver"] == "json-file"
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}


@pytest.mark.parametrize(("name", "service"), WHOLE, ids=NAMES)
def test_an_image_is_pinned(name: str, service: dict[str, Any]) -> None:
    tag = service["image"].rpartition(":")[2]
    assert re.fullmatch(r"v?\d+\.\d+\.\d+", tag), service["image"]


def test_only_what_faces_people_is_published_and_on_loopback() -> None:
    published = {name: service["ports"] for _, name, service in services(GIVEN) if "ports" in service}
    assert published == {
        "balancer": ["127.0.0.1:11434:11434"],
        "prometheus": ["127.0.0.1:9090:9090"],
        "grafana": ["127.0.0.1:3000:3000"],
        "webui": ["127.0.0.1:3001:8080"],
    }


def test_triton_is_in_a_network_of_which_no_way_leads_out() -> None:
    base = interpolated(COMPOSE / "compose.yml", GIVEN)
    assert base["networks"]["engine"]["internal"] is True
    joined = {name: service["networks"] for name, service in WHOLE}
    assert joined["triton"] == ["engine"]
    assert {name for name, networks in joined.items() if "engine" in networks} == {"triton", "gateway", "prometheus"}


def test_a_stop_waits_longer_than_answers_may_take_to_end() -> None:
    base = interpolated(COMPOSE / "compose.yml", GIVEN)["services"]
    asked = base["gateway"]["environment"]
    drain = float(asked["MODELYARD_DRAIN_DELAY_S"]) + float(asked["MODELYARD_DRAIN_TIMEOUT_S"])
    tritons = 120.0  # the default of --exit-timeout of modelyard.engine
    for name in ("balancer", "gateway", "triton"):
        assert float(base[name]["stop_grace_period"].removesuffix("s")) > max(drain, tritons)
    hard_stop = re.search(r"hard-stop-after (\d+)s", (COMPOSE / "haproxy.cfg").read_text())
    assert hard_stop
    assert float(hard_stop[1]) >= float(asked["MODELYARD_DRAIN_TIMEOUT_S"])


def test_no_secret_is_in_a_variable() -> None:
    for path in compose_files().values():
        assert not [each.name for each in variables(path) if re.search(r"KEY$|PASSWORD|TOKEN", each.name)]
    kept = {
        name: each["file"]
        for path in compose_files().values()
        for name, each in interpolated(path, GIVEN).get("secrets", {}).items()
    }
    assert kept == {name: f"/srv/secrets/{name}" for name in ("api_key", "grafana_password", "webui_secret_key")}


def test_a_variable_that_must_be_given_is_named_in_what_it_complains() -> None:
    demanded = {each for path in compose_files().values() for each in variables(path) if each.complaint is not None}
    assert {each.name for each in demanded} == set(GIVEN)
    for each in demanded:
        assert str(each.complaint).startswith(f"{each.name} is ")


def test_a_variable_has_one_default() -> None:
    # What a device changes it changes on purpose.
    defaults: dict[str, set[str | None]] = {}
    for name, path in compose_files().items():
        for each in variables(path):
            if name != "cuda":
                defaults.setdefault(each.name, set()).add(each.default)
    assert not {name: found for name, found in defaults.items() if len(found) > 1}


def test_devices_are_those_of_the_host() -> None:
    by_file = {file: service for file, name, service in services(GIVEN) if name == "triton"}
    assert by_file["intel-gpu"]["devices"] == ["/dev/dri:/dev/dri"]
    assert by_file["intel-npu"]["devices"] == ["/dev/accel:/dev/accel", "/dev/dri:/dev/dri"]
    for file in ("intel-gpu", "intel-npu"):
        assert by_file[file]["group_add"] == ["993"]
        assert by_file[file]["image"].endswith("-intel")
    (reserved,) = by_file["cuda"]["deploy"]["resources"]["reservations"]["devices"]
    assert reserved == {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}

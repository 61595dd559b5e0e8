"""Every playbook can be read, every role says who it is, and the example inventory gives hosts what the roles share."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.ansible import tools

# The names that roles take their defaults from; what they mean is in the example inventory beside each.
SHARED = {
    "modelyard_version",
    "modelyard_deploy_mode",
    "modelyard_image_prefix",
    "modelyard_image_source",
    "modelyard_bundle",
    "modelyard_api_key",
    "modelyard_models",
    "modelyard_config_dir",
    "modelyard_data_dir",
}


def test_every_playbook_can_be_read() -> None:
    playbooks = [Path("playbooks") / name for name in tools.PLAYBOOKS]
    done = tools.run("ansible-playbook", "--syntax-check", "-i", "inventories/example", *playbooks)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("role", tools.ROLES)
def test_a_role_has_the_parts_that_every_role_has(role: str) -> None:
    folder = tools.COLLECTION / "roles" / role
    missing = [
        part
        for part in ("defaults/main.yml", "meta/main.yml", "meta/argument_specs.yml", "tasks/main.yml")
        if not (folder / part).is_file()
    ]
    assert missing == []


def test_the_example_inventory_has_the_groups_and_the_shared_variables() -> None:
    done = tools.run("ansible-inventory", "-i", "inventories/example", "--list")
    assert done.returncode == 0, done.stderr
    inventory = json.loads(done.stdout)
    assert {"balancers", "gateways", "model_servers", "monitoring", "cuda", "intel"} <= set(inventory)
    for host, variables in inventory["_meta"]["hostvars"].items():
        assert set(variables) >= SHARED, f"{host} lacks shared variables"


def test_the_example_inventory_holds_no_secret() -> None:
    folder = tools.COLLECTION / "inventories/example/group_vars/all"
    assert tools.load(folder / "main.yml")["modelyard_api_key"] == "{{ vault_modelyard_api_key }}"
    assert tools.load(folder / "vault.yml.example")["vault_modelyard_api_key"].startswith("<")
    assert not (folder / "vault.yml").exists()


def test_the_collections_that_are_asked_for_are_those_of_the_collection() -> None:
    wanted = tools.load(tools.COLLECTION / "galaxy.yml")["dependencies"]
    listed = tools.load(tools.COLLECTION / "requirements.yml")["collections"]
    assert {entry["name"]: entry["version"] for entry in listed} == wanted

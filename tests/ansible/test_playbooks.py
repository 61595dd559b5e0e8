"""Every playbook can be read, every role says who it is, and the example inventory gives hosts what the roles share."""

from __future__ import annotations

import json
import re
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


def test_facts_are_read_as_facts() -> None:
    """ansible.cfg has inject_facts_as_vars off: a fact's bare name is no variable, and a default hides that."""
    facts = re.compile(
        r"(?<![\w.'\"\]])(getent_\w+|ansible_(?:local|env|distribution\w*|os_family|architecture|kernel|default_ipv4|all_ipv4\w*"
        r"|hostname|fqdn|memtotal\w*|processor\w*|python_version|selinux|service_mgr|virtualization\w*|mounts|user_id))\b"
    )
    files = [path for part in ("roles", "playbooks") for path in (tools.COLLECTION / part).rglob("*") if path.is_file()]
    bare = [
        f"{path.relative_to(tools.COLLECTION)}: {found[0]}"
        for path in files
        if path.suffix in {".yml", ".j2"}
        for found in facts.finditer(path.read_text())
    ]
    assert bare == []


def test_lists_keep_their_order_from_run_to_run() -> None:
    """Ansible's `difference` and `union` go through a set of Python: a file written from one changes at random."""
    files = [path for part in ("roles", "playbooks") for path in (tools.COLLECTION / part).rglob("*") if path.is_file()]
    shuffled = [
        f"{path.relative_to(tools.COLLECTION)}: {found[0]}"
        for path in files
        if path.suffix in {".yml", ".j2"}
        for found in re.finditer(r"\| (?:symmetric_)?(?:difference|union)\(", path.read_text())
    ]
    assert shuffled == []


def test_verify_asks_each_host_the_way_its_callers_come(tmp_path: Path) -> None:
    balancer = tools.load(tools.COLLECTION / "playbooks/tasks/ask_balancer.yml")
    asked = [task for task in balancer if "ansible.builtin.uri" in task]
    assert len(asked) == 3
    # The certificate is for the callers' name, and this asks by the address.
    assert [task["ansible.builtin.uri"]["validate_certs"] for task in asked] == [False] * 3
    ready, index, *_ = tools.load(tools.COLLECTION / "playbooks/tasks/ask_model_server.yml")
    assert ready["vars"] == index["vars"]
    address = {"modelyard_address": "192.0.2.7"}
    hosts = {
        "plain": address,
        "own": address
        | {"load_balancer_tls_certificate": "/c.pem", "load_balancer_port": 443, "model_server_http_port": 9000},
    }
    urls = {"balancers": [task["vars"]["verify_url"] for task in asked], "triton": ready["vars"]["_triton"]}
    assert tools.said(tmp_path, urls, hosts=hosts) == {
        "plain": {"balancers": ["http://192.0.2.7:11434"] * 3, "triton": "http://192.0.2.7:8000"},
        "own": {"balancers": ["https://192.0.2.7:443"] * 3, "triton": "http://192.0.2.7:9000"},
    }

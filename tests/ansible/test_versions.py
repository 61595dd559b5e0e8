"""Which hosts upgrade.yml and rollback.yml take to another version, and what they say when a host fails.

The playbooks are the real ones, in check mode on this machine; what their roles do is not: each only says that it was
asked, and fails where the test wants it to.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ansible import tools

ASKED = "ASKED {{ inventory_hostname }} {{ role_name }}"
SAYS = {"ansible.builtin.debug": {"msg": ASKED}}
FAILS = {"ansible.builtin.fail": {"msg": "Not well."}, "when": "inventory_hostname == fails | default('')"}
# The parts of roles that the playbooks include; tritons leaves behind whether the list of Tritons has changed.
ROLES: dict[str, list[dict[str, Any]]] = {
    "base/tasks/detect.yml": [],
    "gateway/tasks/tritons.yml": [{"ansible.builtin.debug": {"msg": "lists"}, "register": "_gateway_tritons_file"}],
    "gateway/tasks/rollback.yml": [SAYS],
    "gateway/tasks/upgrade.yml": [SAYS, FAILS],
    "model_server/tasks/rollback.yml": [SAYS],
    "model_server/tasks/upgrade.yml": [SAYS, FAILS],
    "model_server/tasks/verify.yml": [],
}
# By host and piece, the version that runs and the one before.
Fleet = dict[str, dict[str, tuple[str, str]]]

# Everything went from 1 to 2; then from 2 to 3 model-1 did and model-2 did not, so that no gateway was come to.
HALF: Fleet = {
    "model-1": {"triton": ("3", "2")},
    "model-2": {"triton": ("2", "1")},
    "gateway-1": {"gateway": ("2", "1")},
    "single": {"triton": ("3", "2"), "gateway": ("2", "1")},
}
# An upgrade that came to its end, and a host that joined afterwards.
WHOLE: Fleet = {
    "model-1": {"triton": ("3", "2")},
    "model-2": {"triton": ("3", "")},
    "gateway-1": {"gateway": ("3", "2")},
}
BEFORE: Fleet = {
    "model-1": {"triton": ("2", "1")},
    "model-2": {"triton": ("2", "1")},
    "gateway-1": {"gateway": ("2", "1")},
}


def inventory(fleet: Fleet) -> dict[str, Any]:
    def members(piece: str) -> dict[str, Any]:
        return {"hosts": {host: None for host, about in fleet.items() if piece in about}}

    hosts = {
        host: {"recorded": {piece: {"version": pair[0], "previous": pair[1]} for piece, pair in about.items()}}
        for host, about in fleet.items()
    }
    here = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    groups = {"balancers": "gateway", "gateways": "gateway", "model_servers": "triton", "retired": "none"}
    return {"all": {"hosts": hosts, "vars": here, "children": {name: members(of) for name, of in groups.items()}}}


def play(folder: Path, playbook: str, fleet: Fleet, version: str, **given: str) -> subprocess.CompletedProcess[str]:
    for name, tasks in ROLES.items():
        (folder / "roles" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "roles" / name).write_text(yaml.safe_dump(tasks))
    (folder / "tritons").touch()
    (folder / "hosts.yml").write_text(yaml.safe_dump(inventory(fleet)))
    said = {"ansible_local": {"modelyard": "{{ recorded }}"}, "cacheable": True}
    plays = [
        {"hosts": "all", "tasks": [{"ansible.builtin.set_fact": said}]},
        {"ansible.builtin.import_playbook": str(tools.COLLECTION / "playbooks" / playbook)},
    ]
    (folder / "play.yml").write_text(yaml.safe_dump(plays))
    given |= {"modelyard_version": version, "modelyard_config_dir": str(folder), "modelyard_api_key": "k" * 32}
    # What a host has recorded is given above, and not read from this machine.
    settings = {"ANSIBLE_GATHERING": "explicit", "ANSIBLE_ROLES_PATH": str(folder / "roles")}
    arguments = ["--check", "-i", folder / "hosts.yml", "-e", json.dumps(given), folder / "play.yml"]
    return tools.run("ansible-playbook", *arguments, ANSIBLE_HOME=str(folder / "ansible"), **settings)


def asked(done: subprocess.CompletedProcess[str]) -> list[str]:
    return re.findall(r'"msg": "ASKED (.+)"', done.stdout)


def words(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize(
    ("fleet", "version", "given", "back"),
    [
        (HALF, "3", {}, ["model-1 model_server", "single model_server"]),
        (HALF, "2", {"modelyard_rollback_from": "3"}, ["model-1 model_server", "single model_server"]),
        (WHOLE, "3", {}, ["gateway-1 gateway", "model-1 model_server"]),
    ],
    ids=["half", "half, and the inventory was not changed", "whole"],
)
def test_those_that_were_upgraded_go_back_and_no_others(
    fleet: Fleet, version: str, given: dict[str, str], back: list[str], tmp_path: Path
) -> None:
    done = play(tmp_path, "rollback.yml", fleet, version, **given)
    assert done.returncode == 0, done.stdout + done.stderr
    assert asked(done) == back
    assert "triton goes from 3 back to 2" in done.stdout


@pytest.mark.parametrize(
    ("fleet", "version", "given", "said"),
    [
        (HALF, "2", {}, "-e modelyard_rollback_from=3 takes those hosts back"),
        (WHOLE, "2", {}, "What runs is 3; to leave that, name it: -e modelyard_rollback_from=3"),
        (HALF, "3", {"modelyard_rollback_from": "4"}, "No host runs 4, so there is nothing to take back"),
    ],
    ids=["the inventory was not changed", "it was set back already", "nobody runs it"],
)
def test_rollback_says_what_to_name_where_that_is_not_clear(
    fleet: Fleet, version: str, given: dict[str, str], said: str, tmp_path: Path
) -> None:
    done = play(tmp_path, "rollback.yml", fleet, version, **given)
    assert done.returncode != 0
    assert said in words(done)
    assert asked(done) == []


NAMED = "playbooks/rollback.yml -e modelyard_rollback_from=3 takes them back."


@pytest.mark.parametrize(
    ("fails", "said"),
    [
        ("model-1", "No host was upgraded before it."),
        ("model-2", f"Upgraded before it: model-1; {NAMED}"),
        (
            "gateway-1",
            f"Upgraded before it: the model servers, and gateways that come before it in the inventory; {NAMED}",
        ),
    ],
    ids=["first", "second", "gateway"],
)
def test_an_upgrade_ends_at_the_host_that_fails_and_names_the_way_back(fails: str, said: str, tmp_path: Path) -> None:
    done = play(tmp_path, "upgrade.yml", BEFORE, "3", fails=fails)
    assert done.returncode != 0
    assert f"Not well. The service goes on. {said}" in words(done)
    assert asked(done)[-1].split()[0] == fails

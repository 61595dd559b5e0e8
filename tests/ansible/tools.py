"""Ansible's programs, run on the collection as it is in the tree, and the roles found there.

Knows where the collection and its environment are; does not know what a role does.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = ROOT / "ansible"
BIN = ROOT / ".envs/ansible/bin"
ROLES = sorted(folder.name for folder in (COLLECTION / "roles").iterdir() if (folder / "tasks").is_dir())
PLAYBOOKS = sorted(path.name for path in (COLLECTION / "playbooks").glob("*.yml"))


def run(program: str, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """One of the programs of .envs/ansible, in the folder of the collection, with its configuration and no colours."""
    executable = BIN / program
    assert executable.exists(), f"{executable} is missing: `make ansible-env` makes it"
    return subprocess.run(
        [executable, *map(str, arguments)],
        cwd=COLLECTION,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "ANSIBLE_CONFIG": str(COLLECTION / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "NO_COLOR": "1",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def render(playbook: Path, inventory: object, folder: Path) -> None:
    """Run a playbook that writes what it renders into `folder`, on the hosts of this inventory."""
    (folder / "hosts.yml").write_text(yaml.safe_dump(inventory))
    roles = str(COLLECTION / "roles")
    variables = json.dumps({"rendered_folder": str(folder), "roles_folder": roles})
    done = run("ansible-playbook", "-i", folder / "hosts.yml", "-e", variables, playbook, ANSIBLE_ROLES_PATH=roles)
    assert done.returncode == 0, done.stdout + done.stderr


def play(
    folder: Path,
    tasks: Sequence[Mapping[str, Any]],
    hosts: Mapping[str, Mapping[str, Any]],
    *arguments: str,
    groups: Sequence[str] = (),
    **extra: object,
) -> subprocess.CompletedProcess[str]:
    """Tasks on hosts that are all this machine; each says in its variable `facts` what it pretends to be.

    `extra` wins over what tasks find out, and may be a template with variables of the hosts. What tasks do is done to
    this machine: use check mode, or tasks that only read.
    """
    names = {name for variables in hosts.values() for name in variables.get("facts", {})}
    pretend = {"ansible.builtin.set_fact": {name: f"{{{{ facts.{name} }}}}" for name in names} | {"cacheable": True}}
    plays = [{"hosts": "all", "gather_facts": False, "tasks": [*([pretend] if names else []), *tasks]}]
    here = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    members = {"hosts": dict.fromkeys(hosts)}
    inventory = {"all": {"hosts": dict(hosts), "vars": here, "children": dict.fromkeys(groups, members)}}
    (folder / "hosts.yml").write_text(yaml.safe_dump(inventory))
    (folder / "play.yml").write_text(yaml.safe_dump(plays, sort_keys=False))
    given: list[str | Path] = ["-i", folder / "hosts.yml", "-e", json.dumps(extra), *arguments, folder / "play.yml"]
    roles = str(COLLECTION / "roles")
    return run("ansible-playbook", *given, ANSIBLE_ROLES_PATH=roles, ANSIBLE_HOME=str(folder / "ansible"))


def said(
    folder: Path, value: object, *tasks: Mapping[str, Any], hosts: Mapping[str, Any], **given: Any
) -> dict[str, Any]:
    """By host, what a value with templates in it becomes there after the tasks."""
    copy = {"content": "{{ said | to_json }}", "dest": f"{folder}/{{{{ inventory_hostname }}}}.json", "mode": "0600"}
    done = play(folder, [*tasks, {"ansible.builtin.copy": copy, "vars": {"said": value}}], hosts, **given)
    assert done.returncode == 0, done.stdout + done.stderr
    return {host: json.loads((folder / f"{host}.json").read_text()) for host in hosts}


def role(name: str, tasks: str = "main", **variables: object) -> dict[str, Any]:
    """A task that includes a role, or one of its task files."""
    return {
        "name": f"{name}, {tasks}",
        "ansible.builtin.include_role": {"name": name, "tasks_from": tasks},
        "vars": variables,
    }


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())

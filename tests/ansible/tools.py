"""Ansible's programs, run on the collection as it is in the tree, and the roles found there.

Knows where the collection and its environment are; does not know what a role does.
"""

from __future__ import annotations

import json
import os
import subprocess
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


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())

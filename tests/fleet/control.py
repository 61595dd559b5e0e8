"""The control node of a test's fleet: an inventory in a temporary folder, and our playbooks run as operators do.

Knows ansible-playbook and its recap; does not know what the playbooks ought to do.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.fleet.hosts import Fleet

ROOT = Path(__file__).resolve().parents[2]
ANSIBLE = ROOT / "ansible"
ANSIBLE_PLAYBOOK = ROOT / ".envs/ansible/bin/ansible-playbook"

_RECAP = re.compile(
    r"^(?P<host>\S+)\s+: ok=\d+\s+changed=(?P<changed>\d+)\s+unreachable=(?P<unreachable>\d+)\s+failed=(?P<failed>\d+)",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Play:
    """What ansible-playbook printed and left behind."""

    returncode: int
    output: str
    took_s: float

    @property
    def changed(self) -> dict[str, int]:
        """By host, those with none left out."""
        found = {row["host"]: int(row["changed"]) for row in _RECAP.finditer(self.output)}
        return {host: count for host, count in found.items() if count}

    def changes(self) -> str:
        """The tasks that changed something, for a message."""
        task, lines = "", []
        for line in self.output.splitlines():
            if line.startswith("TASK ["):
                task = line
            elif line.startswith("changed:"):
                lines.append(f"{task} {line}")
        return "\n".join(lines)


@dataclass
class Control:
    """`groups` and `variables` are the inventory: change them and the next run sees it."""

    fleet: Fleet
    folder: Path
    groups: dict[str, list[str]]
    variables: dict[str, object]
    # The folder with the playbooks: the checkout's, or that of an unpacked bundle.
    collection: Path = ANSIBLE
    api_key: str = field(default_factory=lambda: secrets.token_hex(24))
    timings: list[str] = field(default_factory=list)

    def write_inventory(self) -> Path:
        inventory = self.folder / "inventory"
        (inventory / "group_vars").mkdir(parents=True, exist_ok=True)
        members = sorted({host for group in self.groups.values() for host in group})
        lines = [self.fleet.inventory_line(name) for name in members]
        for group, hosts in self.groups.items():
            lines += ["", f"[{group}]", *hosts]
        (inventory / "hosts.ini").write_text("\n".join(lines) + "\n")
        variables = {
            "modelyard_address": "{{ ansible_host }}",
            "modelyard_api_key": self.api_key,
            **self.variables,
        }
        (inventory / "group_vars" / "all.yml").write_text(json.dumps(variables, indent=2))
        return inventory / "hosts.ini"

    def play(self, playbook: str, *arguments: str, succeeds: bool = True, **extra: object) -> Play:
        """Run one of our playbooks; `extra` goes to --extra-vars."""
        inventory = self.write_inventory()
        command = [
            str(ANSIBLE_PLAYBOOK),
            "-i",
            str(inventory),
            str(self.collection / "playbooks" / playbook),
            *arguments,
        ]
        if extra:
            command += ["--extra-vars", json.dumps(extra)]
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "MODELYARD_"))},
            "ANSIBLE_CONFIG": str(self.collection / "ansible.cfg"),
            "ANSIBLE_FORCE_COLOR": "0",
            "ANSIBLE_HOME": str(self.folder / "ansible"),
            "LC_ALL": "C.UTF-8",
        }
        log = self.folder / f"{len(self.timings) + 1:02}-{Path(playbook).stem}.log"
        started = time.monotonic()
        with log.open("wb") as output:
            done = subprocess.run(
                command, cwd=self.collection, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False
            )
        play = Play(done.returncode, log.read_text(errors="replace"), time.monotonic() - started)
        self.timings.append(f"{play.took_s:6.1f} s  {' '.join([playbook, *arguments])}")
        assert self.api_key not in play.output, "the key must never be printed"
        if succeeds:
            assert play.returncode == 0, f"{playbook} failed:\n{play.output[-6000:]}"
        else:
            assert play.returncode != 0, f"{playbook} was expected to fail:\n{play.output[-6000:]}"
        return play

    def versions(self, host: str) -> dict[str, str]:
        """Which version of each piece the host has written down that it runs."""
        recorded = json.loads(self.fleet.hosts[host].run("cat /etc/ansible/facts.d/modelyard.fact"))
        return {piece: str(about["version"]) for piece, about in recorded.items()}

    @property
    def certificate(self) -> str:
        """That of the balancer, a file; empty where callers come without encryption."""
        return str(self.variables.get("load_balancer_tls_certificate", ""))

    @property
    def url(self) -> str:
        """Where clients of the fleet go."""
        scheme = "https" if self.certificate else "http"
        return f"{scheme}://{self.fleet.hosts[self.groups['balancers'][0]].address}:11434"

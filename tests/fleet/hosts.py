"""SSH hosts for playbooks, made of containers: systemd as process 1, sshd, room for a Docker engine of their own.

Two networks: the fleet's own, which leads nowhere else and gives each host an address that stays, and `outside`, which
a host can be cut off from. Everything bears the fleet's label, so that `--remove` in another process finds all of it.
Knows containers and SSH; does not know Ansible's roles or what is asserted.

    python -m tests.fleet.hosts --name mine --count 2     makes (or finds) two hosts and prints how to reach them
    python -m tests.fleet.hosts --name mine --remove      removes all that bears the name
"""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import shlex
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fleet import host_image

LABEL = "modelyard.test.fleet"
SUBNETS = ipaddress.ip_network("10.213.0.0/16")
BOOT_TIMEOUT_S = 90.0  # four hosts that boot together on two busy cores

# What systemd and a nested Docker engine need; less than --privileged, which some machines refuse.
HOST_OPTIONS = (
    "--cap-add=SYS_ADMIN",
    "--cap-add=NET_ADMIN",
    "--cap-add=SYS_PTRACE",  # docker exec, and so a health check, into a container of another user
    "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined",
    "--cgroupns=host",
    "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw",
    "--tmpfs=/run:exec",
    "--tmpfs=/run/lock",
)


def docker(*arguments: str, check: bool = True) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"docker {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


@dataclass(frozen=True)
class Host:
    """One machine of a fleet; its name is what the others of the fleet call it, too."""

    fleet: str
    name: str
    address: str
    key: Path

    @property
    def container(self) -> str:
        return f"{self.fleet}-{self.name}"

    def ssh_command(self) -> list[str]:
        options = [
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "LogLevel=ERROR",
            "-o",
            "ConnectTimeout=5",
        ]
        return ["ssh", "-i", str(self.key), *options, f"{host_image.USER}@{self.address}"]

    def run(self, command: str, *, stdin: str = "", check: bool = True) -> str:
        """What the command prints, run by root over SSH as a playbook's tasks are."""
        remote = ["sudo", "--", "sh", "-c", shlex.quote(command)]
        done = subprocess.run([*self.ssh_command(), *remote], input=stdin, capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            raise RuntimeError(f"{self.name}: {command}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def wait_until_booted(self) -> None:
        deadline = time.monotonic() + BOOT_TIMEOUT_S
        while time.monotonic() < deadline:
            with contextlib.suppress(RuntimeError):
                if self.run("systemctl is-system-running || true").strip() in {"running", "degraded"}:
                    return
            time.sleep(0.3)
        raise RuntimeError(f"{self.name} did not boot:\n{docker('logs', '--tail', '20', self.container, check=False)}")

    def kill(self) -> None:
        """As when the power goes: nothing on it can say goodbye."""
        docker("kill", self.container)

    def boot(self) -> None:
        docker("start", self.container)
        self.wait_until_booted()

    def reboot(self) -> None:
        """A clean shutdown, with every service stopped by systemd, and a boot."""
        docker("stop", "--time", "120", self.container)
        self.boot()

    def cut_off(self) -> None:
        """No way to anywhere but the hosts of the fleet and whoever runs the playbooks."""
        docker("network", "disconnect", f"{self.fleet}-outside", self.container)

    def reconnect(self) -> None:
        docker("network", "connect", f"{self.fleet}-outside", self.container)


class Fleet:
    """Hosts that reach each other by name and address. `folder` keeps the key pair and what a test writes beside it."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = f"modelyard-fleet-{name}"
        self.folder = folder
        self.key = folder / "id_ed25519"
        self.hosts: dict[str, Host] = {}
        folder.mkdir(parents=True, exist_ok=True)
        if not self.key.exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key)], check=True)
        self._image = host_image.ensure()
        self._subnet = self._networks()
        self._find()

    @property
    def gateway(self) -> str:
        """This machine's own address in the fleet's network."""
        return str(next(self._subnet.hosts()))

    def add(self, *names: str) -> list[Host]:
        """New hosts, booted. Those of these names that exist are given back as they are."""
        for name in names:
            if name not in self.hosts:
                self.hosts[name] = self._create(name)
        added = [self.hosts[name] for name in names]
        for host in added:
            host.wait_until_booted()
        return added

    def inventory_line(self, name: str) -> str:
        host = self.hosts[name]
        ssh = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
        return (
            f"{name} ansible_host={host.address} ansible_user={host_image.USER} "
            f'ansible_ssh_private_key_file={self.key} ansible_ssh_common_args="{ssh}" '
            f"ansible_python_interpreter=/usr/bin/python3"
        )

    def remove(self, *names: str) -> None:
        for name in names:
            host = self.hosts.pop(name)
            docker("rm", "--force", "--volumes", host.container, check=False)
            docker("volume", "rm", "--force", f"{host.container}-docker", check=False)

    def remove_all(self) -> None:
        self.remove(*self.hosts)
        for network in self._labelled("network", "{{.ID}}"):
            docker("network", "rm", network, check=False)

    def _labelled(self, kind: str, form: str) -> list[str]:
        return docker(kind, "ls", "--filter", f"label={LABEL}={self.name}", "--format", form).split()

    def _networks(self) -> ipaddress.IPv4Network:
        """The subnet of the fleet; both networks are made when there are none."""
        if f"{self.name}-outside" not in self._labelled("network", "{{.Name}}"):
            docker("network", "create", "--label", f"{LABEL}={self.name}", f"{self.name}-outside")
        if self.name not in self._labelled("network", "{{.Name}}"):
            for subnet in SUBNETS.subnets(new_prefix=24):
                made = [
                    "network",
                    "create",
                    "--internal",
                    "--subnet",
                    str(subnet),
                    "--label",
                    f"{LABEL}={self.name}",
                    self.name,
                ]
                if docker(*made, check=False):  # another fleet's subnet overlaps, and nothing is printed
                    break
        found = docker("network", "inspect", "--format", "{{(index .IPAM.Config 0).Subnet}}", self.name)
        return ipaddress.IPv4Network(found)

    def _find(self) -> None:
        for container in sorted(self._labelled("container", "{{.Names}}") if self.name else []):
            networks = f'{{{{(index .NetworkSettings.Networks "{self.name}").IPAMConfig.IPv4Address}}}}'
            address = docker("container", "inspect", "--format", networks, container)
            name = container.removeprefix(f"{self.name}-")
            self.hosts[name] = Host(self.name, name, address, self.key)

    def _create(self, name: str) -> Host:
        taken = {host.address for host in self.hosts.values()}
        # The first two are the networks' own: its address as such, and this machine's.
        address = next(str(free) for free in list(self._subnet.hosts())[1:] if str(free) not in taken)
        host = Host(self.name, name, address, self.key)
        own = ["--name", host.container, "--hostname", name, "--label", f"{LABEL}={self.name}"]
        volume = ["--volume", f"{host.container}-docker:/var/lib/docker"]  # a nested overlay2 cannot lie on an overlay
        network = ["--network", self.name, "--ip", address, "--network-alias", name]
        docker("run", "--detach", *own, *volume, *network, *HOST_OPTIONS, self._image)
        docker("network", "connect", f"{self.name}-outside", host.container)
        public = self.key.with_suffix(".pub").read_text().strip()
        home = f"/home/{host_image.USER}/.ssh"
        script = f"install -d -m 700 -o {host_image.USER} {home} && echo '{public}' > {home}/authorized_keys"
        docker("exec", host.container, "sh", "-c", script)
        return host


@contextlib.contextmanager
def fleet(name: str, folder: Path, hosts: Sequence[str]) -> Iterator[Fleet]:
    """The hosts for as long as the block runs."""
    made = Fleet(name, folder)
    try:
        made.add(*hosts)
        yield made
    finally:
        made.remove_all()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="what the fleet is called; every object of it bears the name")
    parser.add_argument("--count", type=int, default=1, help="how many hosts: h1, h2 ...")
    parser.add_argument("--remove", action="store_true", help="remove the hosts, networks and volumes of this name")
    arguments = parser.parse_args()
    made = Fleet(arguments.name, Path(tempfile.gettempdir()) / f"modelyard-fleet-{arguments.name}")
    if arguments.remove:
        made.remove_all()
        return
    for host in made.add(*(f"h{number}" for number in range(1, arguments.count + 1))):
        print(" ".join(host.ssh_command()), f"   # container {host.container}")
    lines = [made.inventory_line(name) for name in made.hosts]
    (made.folder / "inventory.ini").write_text("\n".join(lines) + "\n")
    print(f"ansible -i {made.folder / 'inventory.ini'} all -m ansible.builtin.ping")


if __name__ == "__main__":
    main()

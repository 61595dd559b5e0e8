"""Docker's engine and compose: whether they are there, answer this user, and can do what the compose files ask.

Is given the engine's description of itself; asks nothing of it but that.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from modelyard.deployment.doctor.findings import Finding, Mend, ok, problem, warning
from modelyard.deployment.errors import ComposeMissing, DockerUnreachable

OLDEST = (20, 10)  # host-gateway, `--gpus`, and cgroup version 2 came with it or before
_INSTALL = Mend(
    "sudo apt-get install docker.io docker-compose",
    "sudo dnf config-manager --add-repo https://download.docker.com/linux/rhel/docker-ce.repo && "
    "sudo dnf install docker-ce docker-compose-plugin && sudo systemctl enable --now docker",
)
_START = Mend.same("sudo systemctl enable --now docker")
_ALLOW = Mend.same("sudo usermod -aG docker $USER && newgrp docker")
_COMPOSE = Mend("sudo apt-get install docker-compose", "sudo dnf install docker-compose-plugin")
_LIMITS = {"MemoryLimit": "memory", "CpuCfsQuota": "processor time", "PidsLimit": "number of processes"}
_PROXY_FILE = "/etc/systemd/system/docker.service.d/proxy.conf"


def unreachable(error: DockerUnreachable) -> Finding:
    """Why the engine did not answer, with what mends that."""
    if isinstance(error.cause, PermissionError):
        return problem("docker", f"{error.message}: your user may not use its socket", _ALLOW)
    if isinstance(error.cause, ConnectionRefusedError):
        return problem("docker", error.message, _START)
    return problem("docker", f"{error.message}; it is not installed, not started, or listens elsewhere", _INSTALL)


def check_engine(info: Mapping[str, Any]) -> Iterator[Finding]:
    """`info` is what `docker info` tells."""
    yield _version(str(info.get("ServerVersion", "")))
    if missing := [words for name, words in _LIMITS.items() if info.get(name) is False]:
        yield warning(
            "limits",
            f"the kernel cannot limit {', '.join(missing)} of a container, so one model can take all of the host",
            Mend(
                "add 'cgroup_enable=memory swapaccount=1' to GRUB_CMDLINE_LINUX in /etc/default/grub, then "
                "sudo update-grub && sudo reboot",
                "sudo grubby --update-kernel=ALL --args='systemd.unified_cgroup_hierarchy=1' && sudo reboot",
            ),
        )
    else:
        yield ok(
            "limits", f"memory, processor time and processes can be limited (cgroup {info.get('CgroupVersion', 1)})"
        )
    if info.get("Driver") == "vfs":
        yield warning(
            "storage",
            "the engine keeps a full copy of every image layer (storage driver vfs)",
            Mend.same(
                'write {"storage-driver": "overlay2"} to /etc/docker/daemon.json, then sudo systemctl restart docker'
            ),
        )
    yield from _security(info.get("SecurityOptions") or ())


def _version(version: str) -> Finding:
    found = re.match(r"(\d+)\.(\d+)", version)
    if found is None or tuple(map(int, found.groups())) < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        return problem("docker", f"Docker {version or '(unknown)'} is too old; {wanted} or newer is needed", _INSTALL)
    return ok("docker", f"Docker {version} answers")


def _security(options: Any) -> Iterator[Finding]:
    named = {part for option in options for part in str(option).split(",") if part.startswith("name=")}
    if "name=rootless" in named:
        yield ok("rootless", "the engine runs as an ordinary user; containers run as that user too")
    if "name=userns" in named:
        yield warning(
            "user namespaces",
            "the engine gives containers other user numbers (userns-remap), so they cannot read the key and the models",
            Mend.same("remove userns-remap from /etc/docker/daemon.json, then sudo systemctl restart docker"),
        )


def check_compose(find: Callable[[], tuple[str, ...]]) -> Finding:
    try:
        program = find()
    except ComposeMissing as error:
        return problem("compose", error.message, _COMPOSE)
    return ok("compose", " ".join(program))


def check_proxies(info: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """A proxy of the shell is not one of the engine, which is what pulls images."""
    ours = next((environment[name] for name in ("HTTPS_PROXY", "https_proxy") if environment.get(name)), "")
    theirs = str(info.get("HttpsProxy") or "")
    if ours and not theirs:
        yield warning(
            "proxy",
            "this shell has a proxy and Docker's engine has none, so it may not reach a registry",
            Mend.same(
                f"sudo mkdir -p {_PROXY_FILE.rpartition('/')[0]} && "
                f"printf '[Service]\\nEnvironment=HTTPS_PROXY=%s\\n' \"$HTTPS_PROXY\" | sudo tee {_PROXY_FILE} && "
                "sudo systemctl daemon-reload && sudo systemctl restart docker"
            ),
        )
    elif theirs:
        yield ok("proxy", "Docker's engine has a proxy")

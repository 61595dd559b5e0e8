"""The machine: processor, memory, disk, the port, the clock, SELinux.

Each check is given what it judges or a tree to read from, so that a test needs no such host.
"""

from __future__ import annotations

import errno
import platform
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from modelyard.deployment.doctor.findings import Finding, Mend, ok, problem, warning
from modelyard.deployment.profile import Profile

# Bytes that the images of a profile take on disk when they are unpacked, the converter among them, and some room.
_IMAGES: dict[Profile, int] = {"cpu": 8 * 2**30, "intel-gpu": 9 * 2**30, "intel-npu": 9 * 2**30, "cuda": 45 * 2**30}
_ROOM = 2 * 2**30
_LITTLE_MEMORY, _TOO_LITTLE_MEMORY = 6 * 2**30, 2 * 2**30


def check_processor(flags: frozenset[str], machine: str = "") -> Finding:
    machine = machine or platform.machine()
    if machine not in ("x86_64", "AMD64"):
        return problem("processor", f"the images are for x86-64, this is {machine}; deploy on another host")
    if "avx2" not in flags:
        return warning(
            "processor", "no AVX2: models run, and slowly", Mend.same("let the hypervisor pass the host's CPU")
        )
    return ok("processor", f"x86-64 with {', '.join(sorted(flags))}")


def check_memory(total: int) -> Finding:
    """Of the engine's host, in bytes."""
    said = f"{total / 2**30:.1f} GiB of memory"
    if total < _TOO_LITTLE_MEMORY:
        return problem("memory", f"{said}; 2 GiB is the least", Mend.same("give the machine more memory"))
    if total < _LITTLE_MEMORY:
        return warning("memory", f"{said}: enough for models below 1 B parameters")
    return ok("memory", said)


def check_disk(folder: Path, profile: Profile, *, images_here: bool, free: int | None = None) -> Finding:
    """Where the engine keeps images, when that is on this host."""
    existing = folder
    while not existing.exists():
        existing = existing.parent
    left = shutil.disk_usage(existing).free if free is None else free
    need = _ROOM if images_here else _IMAGES[profile]
    said = f"{left / 2**30:.1f} GiB free in {folder}"
    if left < need:
        return problem(
            "disk",
            f"{said}; the profile {profile} needs about {need / 2**30:.0f} GiB",
            Mend.same("docker system df, then docker image prune; or move the engine's data-root to a larger disk"),
        )
    return ok("disk", said)


def check_port(bind: str, port: int, *, ours: bool) -> Finding:
    """`ours`: this deployment has the port already."""
    if ours:
        return ok("port", f"port {port} on {bind} is this deployment's own")
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.socket(family) as probe:
        # As Docker's proxy does, which takes over ports of connections that are being closed.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except PermissionError:
            return ok("port", f"port {port} is opened by Docker's engine, not by you")
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return problem(
                    "port",
                    f"port {port} on {bind} is taken by another program",
                    Mend.same(f"sudo ss -ltnp 'sport = :{port}' tells which; or modelyard up --port {port + 1}"),
                )
            return problem(
                "port", f"{bind} is no address of this host ({error.strerror})", Mend.same("ip -brief address")
            )
    return ok("port", f"port {port} on {bind} is free")


def check_selinux(root: Path, home: Path, deploy: Path | None, security: str) -> Iterator[Finding]:
    """Enforcing, and the engine labels its containers: then they may not read folders that have other labels."""
    try:
        enforcing = (root / "sys/fs/selinux/enforce").read_text().strip() == "1"
    except OSError:
        return
    if not enforcing or "selinux" not in security:
        yield ok("selinux", "SELinux does not confine containers here")
        return
    folders = [str(folder) for folder in (home, deploy) if folder is not None]
    rules = " && ".join(f"sudo semanage fcontext -a -t container_file_t '{folder}(/.*)?'" for folder in folders)
    yield warning(
        "selinux",
        "SELinux confines containers, which may read only folders labelled container_file_t",
        Mend.same(f"{rules} && sudo restorecon -R {' '.join(folders)}"),
    )


def check_time(synchronized: Callable[[], bool | None]) -> Iterator[Finding]:
    """A wrong clock makes certificates of registries and hubs look invalid."""
    state = synchronized()
    if state is False:
        yield warning(
            "time",
            "the clock is not synchronized; certificates may look expired",
            Mend("sudo apt-get install chrony", "sudo dnf install chrony && sudo systemctl enable --now chronyd"),
        )
    elif state:
        yield ok("time", "the clock is synchronized")


def clock_is_synchronized() -> bool | None:
    """None where nobody can tell."""
    try:
        asked = subprocess.run(
            ["timedatectl", "show", "--property=NTPSynchronized", "--value"],
            capture_output=True,
            text=True,
            check=False,
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return {"yes": True, "no": False}.get(asked.stdout.strip())

"""The whole examination of a host, in the order in which one would mend it.

Joins the checks; judges nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelyard.deployment import compose
from modelyard.deployment import engine as docker_engine
from modelyard.deployment.containers import containers
from modelyard.deployment.devices import Devices
from modelyard.deployment.doctor import accelerators, engine, machine
from modelyard.deployment.doctor.findings import Finding
from modelyard.deployment.errors import DockerUnreachable
from modelyard.deployment.home import Home
from modelyard.deployment.images import DRIVERS_LABEL
from modelyard.deployment.obtaining import Manner, can_build, image_of_triton, images_of, is_here
from modelyard.deployment.plan import Identity
from modelyard.deployment.profile import Profile

if TYPE_CHECKING:
    from docker import DockerClient

_LOCAL = "unix://"


@dataclass(frozen=True)
class Subject:
    """What is examined: the host, and the deployment that is meant for it. `wanted` is a profile asked for by name."""

    devices: Devices
    profile: Profile
    wanted: Profile | None
    home: Home
    deploy: Path | None
    identity: Identity
    bind: str
    port: int
    root: Path = Path("/")
    manner: Manner = "auto"


def examine(subject: Subject) -> list[Finding]:
    """Everything that can be looked at; what needs the engine only when it answers."""
    return [*_engine(subject), *_host(subject)]


def _engine(subject: Subject) -> Iterator[Finding]:
    yield engine.check_compose(compose.find_compose)
    try:
        client = docker_engine.connect()
    except DockerUnreachable as error:
        yield engine.unreachable(error)
        return
    info = client.info()
    yield from engine.check_engine(info)
    yield from engine.check_proxies(info)
    yield machine.check_memory(int(info.get("MemTotal", 0)))
    if docker_engine.address().startswith(_LOCAL):
        folder = Path(info.get("DockerRootDir") or "/var/lib/docker")
        yield machine.check_disk(folder, subject.profile, images_here=_images_here(client, subject))
    running = any(one.service == "balancer" for one in containers(client, subject.identity.project))
    yield machine.check_port(subject.bind, subject.port, ours=running)
    if subject.profile == "intel-npu":
        yield from _npu_driver(client, subject)
    security = " ".join(info.get("SecurityOptions") or ())
    yield from machine.check_selinux(subject.root, subject.home.path, subject.deploy, security)


def _images_here(client: DockerClient, subject: Subject) -> bool:
    needed = images_of(subject.profile, converter=False)
    return all(is_here(client, image.tag(subject.identity.version, subject.identity.image_prefix)) for image in needed)


def _npu_driver(client: DockerClient, subject: Subject) -> Iterator[Finding]:
    reference = image_of_triton(subject.profile).tag(subject.identity.version, subject.identity.image_prefix)
    here = is_here(client, reference)
    drivers = (client.images.get(reference).labels or {}).get(DRIVERS_LABEL, "") if here else None
    could = subject.deploy is not None and can_build(subject.deploy)
    builds = subject.manner == "build" or (subject.manner == "auto" and could and not here)
    yield from accelerators.check_npu_driver(drivers, builds=builds)


def _host(subject: Subject) -> Iterator[Finding]:
    yield machine.check_processor(subject.devices.flags)
    yield from accelerators.check_nvidia(subject.devices, subject.wanted, subject.root)
    yield from accelerators.check_intel(subject.devices, subject.wanted)
    yield from machine.check_time(machine.clock_is_synchronized)

"""The containers of a deployment, as Docker's engine tells of them.

Knows compose's labels; changes nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container
    from docker.models.volumes import Volume

PROJECT_LABEL, SERVICE_LABEL = "com.docker.compose.project", "com.docker.compose.service"
_HASH_LABEL = "com.docker.compose.config-hash"
_LAST_LINES = 12
_RESTARTS = 3  # a container that came back as often will not stay the next time


@dataclass(frozen=True)
class Seen:
    """One container as the engine tells of it."""

    service: str
    name: str
    image: str  # id
    reference: str  # what it was started from, as modelyard/gateway:0.1.0
    status: str  # running, restarting, exited ...
    health: str  # healthy, starting, unhealthy; empty where nothing checks
    restarts: int
    started: str
    config_hash: str = ""
    out_of_memory: bool = False  # the kernel ended it because it took more than its limit

    @property
    def failed(self) -> bool:
        return self.status in ("exited", "dead") or self.restarts >= _RESTARTS

    def in_words(self) -> str:
        return f"{self.name} {self.health or self.status}"


def containers(client: DockerClient, project: str) -> list[Seen]:
    """The containers of a compose project, those that stopped too, by name."""
    found = client.containers.list(all=True, filters={"label": f"{PROJECT_LABEL}={project}"}, ignore_removed=True)
    return sorted((as_seen(container.attrs) for container in found), key=lambda seen: seen.name)


def running(client: DockerClient, project: str, service: str) -> list[Container]:
    """The containers of one service that run, to be handled, by name."""
    return _of_service(client, project, service, {})


def stopped(client: DockerClient, project: str, service: str) -> list[Container]:
    """The containers of one service that ended or never started, to be handled, by name."""
    return _of_service(client, project, service, {"status": ["created", "exited", "dead"]})


def _of_service(client: DockerClient, project: str, service: str, only: dict[str, list[str]]) -> list[Container]:
    """The engine lists what runs, unless a state is asked for."""
    labels = [f"{PROJECT_LABEL}={project}", f"{SERVICE_LABEL}={service}"]
    filters: dict[str, str | list[str] | bool] = {"label": labels, **only}
    found: list[Container] = client.containers.list(all=bool(only), filters=filters, ignore_removed=True)
    return sorted(found, key=lambda container: str(container.name))


def as_seen(attributes: dict[str, Any]) -> Seen:
    state, labels = attributes["State"], attributes["Config"]["Labels"]
    return Seen(
        service=labels.get(SERVICE_LABEL, ""),
        name=attributes["Name"].lstrip("/"),
        image=attributes["Image"],
        reference=attributes["Config"]["Image"],
        status=state["Status"],
        health=(state.get("Health") or {}).get("Status", ""),
        restarts=attributes.get("RestartCount", 0),
        started=state.get("StartedAt", ""),
        config_hash=labels.get(_HASH_LABEL, ""),
        out_of_memory=bool(state.get("OOMKilled")),
    )


def volumes_of(client: DockerClient, project: str) -> list[Volume]:
    """The named volumes of a compose project, those of services that it no longer has too."""
    found: list[Volume] = client.volumes.list(filters={"label": f"{PROJECT_LABEL}={project}"})
    return found


def last_lines(client: DockerClient, seen: Seen) -> str:
    """What a container wrote last."""
    from docker.errors import DockerException

    try:
        written = client.containers.get(seen.name).logs(tail=_LAST_LINES)
    except DockerException as error:
        return f"(its log cannot be read: {error})"
    return bytes(written).decode(errors="replace").rstrip()


def as_wanted(seen: Sequence[Seen], hashes: Mapping[str, str], counts: Mapping[str, int]) -> bool:
    """Whether every service runs, as often as it should, with the configuration of now. `counts` is 1 where silent."""
    if {one.service for one in seen} != set(hashes):
        return False
    for service, wanted in hashes.items():
        running = [one for one in seen if one.service == service]
        if len(running) != counts.get(service, 1):
            return False
        if any(one.status != "running" or one.config_hash != wanted for one in running):
            return False
    return True


def of_current_images(client: DockerClient, seen: Sequence[Seen]) -> bool:
    """Whether each runs the image that its name means now: one that was built anew has the same name."""
    from docker.errors import ImageNotFound

    try:
        ids = {reference: client.images.get(reference).id for reference in {one.reference for one in seen}}
    except ImageNotFound:
        return False
    return all(ids[one.reference] == one.image for one in seen)

"""A service's containers replaced one after the other: the next is well before the last goes, and goes in order.

Knows Docker's engine and compose; does not know what a version is, nor what to do when a replacement fails.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelyard.deployment.compose import Project
from modelyard.deployment.containers import Seen, as_seen, containers, last_lines, of_current_images, running, stopped
from modelyard.deployment.errors import DeploymentFailed
from modelyard.deployment.steps import Told

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

_POLL_S = 0.5
_STOP_S = 150  # of a container that does not say how long: as the compose files' stop_grace_period
# Asked inside of a container, since nothing outside reaches Triton. The answer is the names of the loaded models.
_LOADED = """
import json, urllib.request
ask = urllib.request.Request("http://127.0.0.1:8000/v2/repository/index", data=b'{"ready": true}', method="POST")
print(json.dumps([model["name"] for model in json.load(urllib.request.urlopen(ask, timeout=10))]))
"""


@dataclass(frozen=True)
class Rolling:
    """How services are replaced. `deadline_s`: how long a new container may take to be well."""

    project: Project
    client: DockerClient
    told: Told
    deadline_s: float = 600.0

    def replace(self, service: str, *, beside: bool) -> None:
        """Replace each container that does not run what compose would start now.

        `beside` starts the new one before the old one stops, which takes the memory of both for a while. Otherwise the
        old one goes first. Raises DeploymentFailed, with the new container removed, when one does not become well.
        """
        wanted = self.project.hashes().get(service)
        before = self._running(service)
        for number, old in enumerate(before, 1):
            if self._is_current(old, wanted):
                continue
            self.told.step(f"replacing {service} {number} of {len(before)}")
            has = self._loaded(old) if service == "triton" else frozenset()
            if not beside:
                self._stop(old)
            new = self._start(service, len(before) + (1 if beside else 0))
            try:
                self._until_well(new, has)
            except BaseException:
                new.remove(force=True)
                raise
            if beside:
                self._stop(old)

    def restore(self, service: str, count: int, *, beside: bool) -> None:
        """Have `count` containers run what compose would start now, whatever a replacement that failed has left.

        What is missing is started first, since nobody may be answering; what runs something else is replaced then, as
        by `replace`. Raises DeploymentFailed when one does not become well.
        """
        # Compose would start these again as they are, also those of the version that failed.
        for ended in stopped(self.client, self.project.name, service):
            ended.remove(force=True)
        wanted = self.project.hashes().get(service)
        now = self._running(service)
        outdated = [container for container in now if not self._is_current(container, wanted)]
        for surplus in outdated[: max(0, len(now) - count)]:
            self._stop(surplus)
        for number in range(len(now) + 1, count + 1):
            self.told.step(f"starting {service} {number} of {count} again")
            self._until_well(self._start(service, number), ())
        self.replace(service, beside=beside)

    def _is_current(self, container: Container, wanted: str | None) -> bool:
        """Whether it is what compose would start now: the same configuration, `wanted`, and the same image."""
        seen = as_seen(container.attrs)
        return seen.config_hash == wanted and of_current_images(self.client, [seen])

    def _running(self, service: str) -> list[Container]:
        return running(self.client, self.project.name, service)

    def _start(self, service: str, count: int) -> Container:
        """One container more, as compose would start it now; the others are left as they are."""
        before = {container.id for container in self._running(service)}
        scale = f"{service}={count}"
        self.project.run("up", "--detach", "--no-build", "--no-deps", "--no-recreate", "--scale", scale, service)
        new = [container for container in self._running(service) if container.id not in before]
        if len(new) != 1:
            raise DeploymentFailed(
                f"compose started {len(new)} containers of '{service}' where one was to be started", ""
            )
        return new[0]

    def _until_well(self, new: Container, models: Collection[str]) -> None:
        """Wait until its health check says so, and it has the models that the one before had."""
        until = time.monotonic() + self.deadline_s
        name = str(new.name)
        while True:
            seen = next((one for one in containers(self.client, self.project.name) if one.name == name), None)
            if seen is None or seen.failed or seen.restarts or time.monotonic() > until:
                raise self._not_well(name, seen)
            if seen.health in ("healthy", "") and (not models or set(models) <= self._loaded(new)):
                return
            time.sleep(_POLL_S)

    def _not_well(self, name: str, seen: Seen | None) -> DeploymentFailed:
        words = seen.in_words() if seen is not None else f"{name} is gone"
        return DeploymentFailed(
            f"the new container is not well: {words}", last_lines(self.client, seen) if seen else ""
        )

    def _loaded(self, container: Container) -> frozenset[str]:
        """The models that a Triton has in memory; none when it does not answer."""
        status, said = container.exec_run(["python3", "-c", _LOADED])
        if status != 0:
            return frozenset()
        return frozenset(json.loads(said if isinstance(said, bytes) else b"".join(said)))

    def _stop(self, old: Container) -> None:
        """What it is at ends first: a gateway and a Triton that are told to stop take nothing new.

        Who interrupts the wait has it end at once: a container that was told to stop cannot be told to stay, and one
        that still runs would be counted when the service is brought back.
        """
        # Its own stop_grace_period, and not left to the engine: the client would hang up on a wait that long.
        grace_s = old.attrs["Config"].get("StopTimeout") or _STOP_S
        try:
            old.stop(timeout=grace_s)
        finally:
            old.remove(force=True)

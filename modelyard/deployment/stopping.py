"""The steps of `modelyard down`: the containers, and the volumes where that is asked for.

Touches nothing in the home.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from modelyard.deployment.compose import Project
from modelyard.deployment.containers import PROJECT_LABEL, volumes_of
from modelyard.deployment.steps import Step

if TYPE_CHECKING:
    from docker import DockerClient

_DOWN = ("down", "--remove-orphans")


def steps(project: Project, client: Callable[[], DockerClient], *, volumes: bool) -> list[Step]:
    """All of them, in order. They are never done already: compose also removes what is not running any more."""

    def stop() -> None:
        project.run(*_DOWN)

    def remove() -> None:
        # By their label: compose removes only those of files that are still part of the deployment.
        for volume in volumes_of(client(), project.name):
            volume.remove()

    containers = Step(
        title="stopping the containers; answers in progress end first",
        words=" ".join(project.command(*_DOWN)),
        run=stop,
    )
    data = Step(
        title="removing the data of monitoring and of the web interface",
        words=f"docker volume rm what has the label {PROJECT_LABEL}={project.name}",
        run=remove,
    )
    return [containers, data] if volumes else [containers]

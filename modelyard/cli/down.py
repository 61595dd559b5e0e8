"""`down`: the deployment's containers stop and go; the key, the models and the images stay.

Reads options; compose does it.
"""

from __future__ import annotations

from typing import Annotated

import typer

from modelyard.cli import output
from modelyard.cli.doctor import HomeOption


def down(
    volumes: Annotated[
        bool, typer.Option("--volumes", help="Remove the data of monitoring and of the web interface too.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Stop a deployment: answers in progress end first. What `up` made on disk stays, and `up` starts it again."""
    from modelyard.deployment import compose, engine
    from modelyard.deployment.containers import containers, volumes_of
    from modelyard.deployment.home import find_home
    from modelyard.settings import Settings

    settings = Settings()
    place = find_home(home, settings.deploy_home)
    project = compose.project_of(place, compose.deploy_folder(settings.deploy_files))
    client = engine.connect()
    running = containers(client, project.name)
    with place.locked(), output.progress() as shown:
        shown.step("stopping the containers; answers in progress end first" if running else "looking for what is left")
        project.run("down", "--remove-orphans")
        # By their label: compose removes only those of files that are still part of the deployment.
        for volume in volumes_of(client, project.name) if volumes else ():
            volume.remove()
    output.say(f"{len(running)} containers were stopped and removed" if running else "nothing was running")
    output.say(f"the key and the models are in {place.path}; modelyard up starts again")

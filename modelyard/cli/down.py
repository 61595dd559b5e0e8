"""`down`: the deployment's containers stop and go; the key, the models and the images stay.

Reads options; `modelyard.deployment.stopping` does it.
"""

from __future__ import annotations

from typing import Annotated

import typer

from modelyard.cli import output
from modelyard.cli.doctor import HomeOption
from modelyard.cli.planned_steps import DryRunOption, print_nothing_changed, print_planned


def down(
    volumes: Annotated[
        bool, typer.Option("--volumes", help="Remove the data of monitoring and of the web interface too.")
    ] = False,
    home: HomeOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Stop a deployment: answers in progress end first. What `up` made on disk stays, and `up` starts it again."""
    from modelyard.deployment import compose, engine, stopping
    from modelyard.deployment.containers import containers
    from modelyard.deployment.home import find_home
    from modelyard.deployment.steps import carry_out, dry_run_wanted
    from modelyard.settings import Settings

    settings = Settings()
    dry_run = dry_run or dry_run_wanted()
    place = find_home(home, settings.deploy_home)
    project = compose.project_of(place, compose.deploy_folder(settings.deploy_files), dry_run=dry_run)
    steps = stopping.steps(project, engine.connect, volumes=volumes)
    if dry_run:
        print_planned(steps)
        print_nothing_changed()
        return
    running = containers(engine.connect(), project.name)
    with place.locked(), output.progress() as shown:
        carry_out(steps, shown)
    output.say(f"{len(running)} containers were stopped and removed" if running else "nothing was running")
    output.say(f"the key and the models are in {place.path}; modelyard up starts again")

"""`logs`: what the deployment's containers wrote.

Reads options; compose shows it.
"""

from __future__ import annotations

from typing import Annotated

import typer

from modelyard.cli import output
from modelyard.cli.doctor import HomeOption
from modelyard.cli.planned_steps import DryRunOption, print_nothing_changed


def logs(
    service: Annotated[
        str | None, typer.Argument(help="balancer, gateway, triton ...; all of them by default.", show_default=False)
    ] = None,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on with what they write next, until Ctrl-C.")
    ] = False,
    tail: Annotated[int, typer.Option(min=0, help="Lines of each container to begin with.")] = 200,
    home: HomeOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Show the log of a deployment."""
    from modelyard.deployment import compose
    from modelyard.deployment.home import find_home
    from modelyard.deployment.steps import dry_run_wanted
    from modelyard.errors import InvalidInput
    from modelyard.settings import Settings

    settings = Settings()
    dry_run = dry_run or dry_run_wanted()
    place = find_home(home, settings.deploy_home)
    project = compose.project_of(place, compose.deploy_folder(settings.deploy_files), dry_run=dry_run)
    words = ["logs", "--tail", str(tail), *(["--follow"] if follow else []), *([service] if service else [])]
    if dry_run:
        output.say("would do: showing the log")
        output.say(f"    {' '.join(project.command(*words))}")
        print_nothing_changed()
        return
    if service is not None and service not in (known := project.services()):
        raise InvalidInput(f"there is no service '{service}'", hint=f"there are {', '.join(known)}")
    if status := project.show(*words):
        raise typer.Exit(status)

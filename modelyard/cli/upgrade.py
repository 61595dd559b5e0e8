"""`upgrade` and `rollback`: another version in place of the one that runs, with answers in progress going on.

Reads options and shows what happens; `modelyard.deployment.upgrading` does it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from modelyard.cli import output
from modelyard.cli.doctor import HomeOption
from modelyard.cli.planned_steps import DryRunOption, print_nothing_changed, print_planned

if TYPE_CHECKING:
    from pathlib import Path

    from modelyard.deployment.obtaining import Manner

InPlaceOption = Annotated[
    bool,
    typer.Option("--in-place", help="Stop each Triton before its successor starts: less memory, and a short pause."),
]
BalancerOption = Annotated[
    bool, typer.Option("--balancer", help="Replace the balancer too; nobody is answered for some seconds then.")
]


def upgrade(
    to: Annotated[str | None, typer.Option(help="The version; this command's own by default.")] = None,
    build: Annotated[bool, typer.Option("--build", help="Build its images from this checkout.")] = False,
    pull: Annotated[bool, typer.Option("--pull", help="Pull its images, also when they are here.")] = False,
    in_place: InPlaceOption = False,
    balancer: BalancerOption = False,
    home: HomeOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Replace the version that runs, one container at a time; when the new one is not well, the old one comes back.

    Gateways and Tritons are started beside the old ones, which finish what they are at and then go.
    """
    from modelyard import __version__
    from modelyard.errors import InvalidInput
    from modelyard.settings import Settings

    if build and pull:
        raise InvalidInput("--build and --pull exclude each other", hint="choose one, or none: what is here is used")
    version = to or Settings().version or __version__
    manner: Manner = "build" if build else "pull" if pull else "auto"
    _change(version, manner, in_place=in_place, balancer=balancer, home=home, dry_run=dry_run)


def rollback(
    in_place: InPlaceOption = False,
    balancer: BalancerOption = False,
    home: HomeOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Go back to the version before the last upgrade, in the same manner."""
    _change(None, "auto", in_place=in_place, balancer=balancer, home=home, dry_run=dry_run)


def _change(
    version: str | None, manner: Manner, *, in_place: bool, balancer: bool, home: Path | None, dry_run: bool
) -> None:
    import contextlib

    import psutil

    from modelyard.deployment import answer, compose, engine, upgrading
    from modelyard.deployment.errors import DeploymentMissing
    from modelyard.deployment.home import find_home
    from modelyard.deployment.obtaining import Source
    from modelyard.deployment.plan import options_of
    from modelyard.deployment.rolling import Rolling
    from modelyard.deployment.steps import carry_out, dry_run_wanted
    from modelyard.settings import Settings

    settings = Settings()
    place = find_home(home, settings.deploy_home)
    state = place.read_state()
    options = options_of(state)
    if options is None:
        raise DeploymentMissing(place.path)
    folder = compose.deploy_folder(settings.deploy_files)
    dry_run = dry_run or dry_run_wanted()
    project = compose.project_of(place, folder, dry_run=dry_run)
    client = engine.connect()
    used = upgrading.memory_of(client, project.name, "triton")
    free = psutil.virtual_memory().available
    change = upgrading.change_to(
        version,
        state,
        beside=not in_place and upgrading.fits_beside(options.profile, free, used),
        balancer=balancer,
        home=place,
    )
    with contextlib.nullcontext() if dry_run else place.locked(), output.progress() as shown:
        model = answer.model_to_ask(place, sorted(state.get("models", {})))
        steps = upgrading.steps(
            change,
            home=place,
            project=project,
            source=Source(
                lambda: client,
                folder,
                str(state["image_prefix"]),
                change.after,
                manner,
                npu=options.profile == "intel-npu",
            ),
            rolling=lambda: Rolling(project, client, shown),
            ask=lambda: answer.first_answer(client, place, options.url, project.name, model, shown),
            told=shown,
        )
        if dry_run:
            print_planned(steps)
            print_nothing_changed()
            return
        carry_out(steps, shown)
    output.say(f"Modelyard {change.after} runs and answers; {change.before} was before (modelyard rollback goes back)")

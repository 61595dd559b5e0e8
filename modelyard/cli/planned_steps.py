"""A dry run as people see it: each step, whether it is done already, and the command or the change in words.

Runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from modelyard.cli import output

if TYPE_CHECKING:
    from modelyard.deployment.steps import Step

DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Print every step and do nothing; DEPLOY_DRY_RUN=1 does the same.")
]


def print_planned(steps: Iterable[Step]) -> None:
    from modelyard.deployment.steps import seems_done

    for step in steps:
        output.say(f"{'done already' if seems_done(step) else 'would do'}: {step.title}")
        output.say(f"    {step.words}")


def print_nothing_changed() -> None:
    output.say("nothing was changed: this was a dry run")

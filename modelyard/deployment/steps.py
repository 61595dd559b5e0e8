"""A deployment as steps: each says what it does, sees whether that is done already, and does it.

Knows the order and the words; does not know what a step changes. A dry run prints every step and runs none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from modelyard.errors import ModelyardError

DRY_RUN = "DEPLOY_DRY_RUN"


class Told(Protocol):
    """Whom the steps are told to; `modelyard.cli.output.Progress` is one."""

    def step(self, sentence: str) -> None:
        """A step begins; the one before it is done."""

    def note(self, sentence: str) -> None:
        """Something to know."""


def _never() -> bool:
    return False


@dataclass(frozen=True)
class Step:
    """One change: `title` for people, `words` the command or the change in words, never with a secret in it.

    `is_done` looks and changes nothing; it is asked right before `run`, when the steps before have been carried out.
    """

    title: str
    words: str
    run: Callable[[], None]
    is_done: Callable[[], bool] = _never


def dry_run_wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether DEPLOY_DRY_RUN says so: anything but nothing, 0, false and no."""
    return environment.get(DRY_RUN, "").strip().lower() not in ("", "0", "false", "no")


def carry_out(steps: Iterable[Step], told: Told, *, dry_run: bool = False) -> list[Step]:
    """Run each step that is not done, in order. Returns those that were run, or would be in a dry run."""
    ran: list[Step] = []
    for step in steps:
        done = seems_done(step) if dry_run else step.is_done()
        if dry_run:
            told.note(f"{'done already' if done else 'would do'}: {step.title}: {step.words}")
        elif not done:
            told.step(step.title)
            step.run()
        if not done:
            ran.append(step)
    return ran


def seems_done(step: Step) -> bool:
    """In a dry run what a step looks at may be missing, because no step before it was run."""
    try:
        return step.is_done()
    except (ModelyardError, OSError):
        return False

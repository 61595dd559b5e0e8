"""Steps: what is done is left alone, and a dry run does nothing."""

from __future__ import annotations

import pytest

from modelyard.deployment.steps import Step, carry_out, dry_run_wanted
from modelyard.errors import HostProblem


class Heard:
    def __init__(self) -> None:
        self.steps: list[str] = []
        self.notes: list[str] = []

    def step(self, sentence: str) -> None:
        self.steps.append(sentence)

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)


def test_only_what_is_not_done_is_run_and_the_next_look_comes_after_it() -> None:
    made: list[str] = []
    steps = [
        Step("folder", "mkdir", lambda: made.append("folder"), lambda: "folder" in made),
        Step("file", "touch", lambda: made.append("file"), lambda: "folder" in made and "file" in made),
        Step("there", "nothing", lambda: made.append("there"), lambda: True),
    ]
    heard = Heard()
    assert [step.title for step in carry_out(steps, heard)] == ["folder", "file"]
    assert made == heard.steps == ["folder", "file"]
    assert carry_out(steps, heard) == []


def test_a_dry_run_tells_of_every_step_and_runs_none() -> None:
    def refuse() -> None:
        raise AssertionError("a dry run ran a step")

    def cannot_look() -> bool:
        raise HostProblem("there is no engine")

    heard = Heard()
    steps = [Step("one", "mkdir one", refuse), Step("two", "rm two", refuse, lambda: True)]
    would = carry_out([*steps, Step("three", "ask the engine", refuse, cannot_look)], heard, dry_run=True)
    assert [step.title for step in would] == ["one", "three"]
    assert heard.notes == [
        "would do: one: mkdir one",
        "done already: two: rm two",
        "would do: three: ask the engine",
    ]


def test_a_step_that_fails_ends_it() -> None:
    def fail() -> None:
        raise HostProblem("no")

    later: list[str] = []
    with pytest.raises(HostProblem):
        carry_out([Step("one", "x", fail), Step("two", "y", lambda: later.append("two"))], Heard())
    assert later == []


@pytest.mark.parametrize(("value", "wanted"), [("1", True), ("yes", True), ("0", False), ("", False), ("No", False)])
def test_the_variable(value: str, wanted: bool) -> None:
    assert dry_run_wanted({"DEPLOY_DRY_RUN": value}) is wanted
    assert not dry_run_wanted({})

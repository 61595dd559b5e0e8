"""How an answer is shown: what the model thinks apart from what it says, and nothing but the answer for programs."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from modelyard.cli.chat.answer import Plain, Told, on_terminal


@pytest.mark.parametrize("markdown", [True, False])
def test_thinking_is_dim_and_the_answer_stands_apart(markdown: bool) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=60, color_system="standard")
    with on_terminal(console, markdown=markdown) as shown:
        shown.think("let me ")
        shown.think("see")
        shown.say("It is\n")
        shown.say("a bird")
    text = screen.getvalue()
    assert "\x1b[2;3mlet me \x1b[0m\x1b[2;3msee\x1b[0m\n\n" in text
    assert text.index("see") < text.index("a bird")
    assert "\x1b[2;3mIt" not in text


def test_programs_get_the_answer_only(capsys: pytest.CaptureFixture[str]) -> None:
    plain = Plain()
    plain.think("let me see")
    plain.say("a ")
    plain.say("bird")
    plain.end()
    assert capsys.readouterr().out == "a bird\n"
    plain.say("two\n")
    plain.end()
    assert capsys.readouterr().out == "two\n"


def test_the_times_of_an_answer_are_one_line() -> None:
    told = Told(False, "stop", 7, 11, 0.5, 1.5)
    assert told.sentence() == "1.5 s, first token after 500 ms, 7 tokens in, 11 out, 10.0 tokens/s"
    assert Told(True, None, None, None, None, 0.25).sentence() == "0.2 s"

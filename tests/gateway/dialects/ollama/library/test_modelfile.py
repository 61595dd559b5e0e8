"""A Modelfile read, and written so that it reads the same."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.ollama.library.modelfile import Modelfile, parse, write
from modelyard.errors import FieldRefused, InvalidInput

WHOLE = '''# a comment
FROM demo
parameter temperature 0.7
PARAMETER	num_predict	42
PARAMETER stop "<|end|>"
PARAMETER stop User:
PARAMETER penalize_newline true

SYSTEM """You are Mario.
# not a comment
Speak as he does."""
TEMPLATE """{{ .Prompt }}"""
LICENSE "MIT"
LICENSE """
Apache
"""
REQUIRES 0.5.0
'''


def test_every_instruction_is_read() -> None:
    assert parse(WHOLE) == Modelfile(
        base="demo",
        system="You are Mario.\n# not a comment\nSpeak as he does.",
        template="{{ .Prompt }}",
        licenses=["MIT", "\nApache\n"],
        parameters={
            "temperature": 0.7,
            "num_predict": 42,
            "stop": ["<|end|>", "User:"],
            "penalize_newline": True,
        },
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no FROM"),
        ("SYSTEM hello", "no FROM"),
        ("FROM a\nFROM b", "line 2: a second FROM"),
        ("FROM a\nRUN x", "line 2: 'RUN' is no instruction"),
        ('FROM a\nSYSTEM """open', 'line 2: """ is not closed'),
        ('FROM a\nSYSTEM """x""" y', 'line 2: there is more after """'),
        ("FROM a\nPARAMETER temperature", "line 2: PARAMETER takes"),
        ("FROM", "line 1: FROM has no value"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        parse(text)


@pytest.mark.parametrize("instruction", ["MESSAGE user hello", "ADAPTER ./lora"])
def test_what_cannot_be_honoured_is_refused_by_name(instruction: str) -> None:
    with pytest.raises(FieldRefused, match=instruction.split()[0]):
        parse(f"FROM a\n{instruction}")


_LINES = st.text(st.characters(categories=("L", "N", "P", "Zs", "So"), exclude_characters='"'), min_size=1).filter(
    str.strip
)
_TEXT = st.lists(_LINES, min_size=1, max_size=4).map("\n".join)


@given(template=_TEXT, system=_TEXT, license=_TEXT, temperature=st.floats(0, 2), stop=st.lists(_LINES.map(str.strip)))
def test_what_is_written_reads_the_same(
    template: str, system: str, license: str, temperature: float, stop: list[str]
) -> None:
    parameters = {"temperature": temperature} | ({"stop": stop} if stop else {})
    written = write("base", template=template, system=system, parameters=parameters, license=license)
    found = parse(written)
    assert (found.base, found.template, found.system, found.licenses) == ("base", template, system, [license])
    assert found.parameters == parameters


@given(st.text(max_size=200))
def test_nonsense_is_read_or_refused(text: str) -> None:
    with suppress(InvalidInput):
        assert parse(text).base

"""Durations as people and Ollama's clients write them."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.card import ModelCard
from modelyard.durations import FOREVER, seconds
from modelyard.settings import Settings


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("5m", 300),
        ("1h30m", 5400),
        ("1.5s", 1.5),
        ("250ms", 0.25),
        ("500us", 5e-4),
        ("300", 300),
        (" 20 ", 20),
        ("0", 0),
        (0, 0),
        (1.25, 1.25),
        ("-1", FOREVER),
        (-1, FOREVER),
        ("-5m", FOREVER),
        ("inf", FOREVER),
        (math.inf, FOREVER),
    ],
)
def test_what_is_written_and_what_is_meant(written: str | float, meant: float) -> None:
    assert seconds(written) == meant


@pytest.mark.parametrize("written", ["", "soon", "5 m", "5mm", "m", "1h-5m", "--5m", "nan", math.nan, True])
def test_what_is_no_duration(written: str | float) -> None:
    with pytest.raises(ValueError, match="duration"):
        seconds(written)


@given(st.text())
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert seconds(text) >= 0


@pytest.mark.parametrize("keep_alive_s", [None, 0.0, 0.5, 300.0, FOREVER])
def test_a_card_keeps_its_time(keep_alive_s: float | None) -> None:
    card = ModelCard(keep_alive_s=keep_alive_s)
    assert ModelCard.from_parameters(card.to_parameters()) == card


def test_a_setting_takes_a_duration(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings(_env_file=None).keep_alive == 300
    monkeypatch.setenv("MODELYARD_KEEP_ALIVE", "-1")
    assert Settings(_env_file=None).keep_alive == FOREVER
    monkeypatch.setenv("MODELYARD_KEEP_ALIVE", "later")
    with pytest.raises(ValueError, match="'later' is not a duration"):
        Settings(_env_file=None)

"""A stop string is found however the text is cut, and nothing of it is ever shown."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.common.language.stop_strings import StopStrings

# Few letters, so that stop strings overlap with the text and with each other.
texts = st.text("ab\n", max_size=40)
stops = st.lists(st.text("ab\n", min_size=1, max_size=5), max_size=4)


def cut(text: str, places: list[int]) -> list[str]:
    borders = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[start:end] for start, end in itertools.pairwise(borders)] or [""]


def shown(stopper: StopStrings, pieces: list[str]) -> str:
    text = "".join(map(stopper.push, pieces))
    return text if stopper.matched else text + stopper.flush()


@given(texts, stops, st.lists(st.integers(0, 100)), st.booleans())
def test_pieces_make_no_difference(text: str, stops: list[str], places: list[int], include: bool) -> None:
    whole, pieces = StopStrings(stops, include=include), StopStrings(stops, include=include)
    assert shown(whole, [text]) == shown(pieces, cut(text, places))
    assert whole.matched == pieces.matched


@given(texts, stops, st.lists(st.integers(0, 100)))
def test_no_stop_string_is_ever_shown(text: str, stops: list[str], places: list[int]) -> None:
    stopper = StopStrings(stops)
    seen = ""
    for piece in cut(text, places):
        seen += stopper.push(piece)
        assert text.startswith(seen)
        assert not any(stop in seen for stop in stops)
    assert stopper.matched == any(stop in text for stop in stops)
    if not stopper.matched:
        assert seen + stopper.flush() == text


@given(texts, stops)
def test_what_cannot_begin_a_stop_string_is_shown_at_once(text: str, stops: list[str]) -> None:
    stopper = StopStrings(stops)
    seen = stopper.push(text)
    if not stopper.matched:
        held = text[len(seen) :]
        assert not held or any(stop.startswith(held) for stop in stops)


@pytest.mark.parametrize(
    ("stops", "include", "text", "answer"),
    [
        (["END"], False, "fine END more", "fine "),
        (["END"], True, "fine END more", "fine END"),
        (["abcd", "bc"], False, "xabcd", "xa"),  # the one that is complete first
        (["bc", "abc"], False, "xabcd", "x"),  # both complete at the same place: the longest
        ([], False, "anything", "anything"),
    ],
)
def test_which_one_wins(stops: list[str], include: bool, text: str, answer: str) -> None:
    assert shown(StopStrings(stops, include=include), [text]) == answer

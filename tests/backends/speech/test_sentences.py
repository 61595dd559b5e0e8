"""A text is cut where a speaker would pause, and nothing of it is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backends.openvino_tts.sentences import pieces


@given(st.text(), st.integers(min_value=1, max_value=60))
def test_nothing_but_white_space_is_lost(text: str, longest: int) -> None:
    cut = pieces(text, longest)
    assert "".join("".join(cut).split()) == "".join(text.split())
    assert all(0 < len(each) <= longest for each in cut)


def test_sentences_stay_whole() -> None:
    text = "The boats came in. Nobody was there, nobody at all! Was it too early? Yes."
    assert pieces(text, 40) == [
        "The boats came in.",
        "Nobody was there, nobody at all!",
        "Was it too early? Yes.",
    ]


def test_a_long_sentence_is_cut_at_a_comma_and_a_long_clause_between_words() -> None:
    assert pieces("Nobody was there, nobody at all", 20) == ["Nobody was there,", "nobody at all"]
    assert pieces("one two three four", 9) == ["one two", "three", "four"]
    assert pieces("abcdefgh", 3) == ["abc", "def", "gh"]


def test_a_figure_is_not_torn() -> None:
    assert pieces("It costs 3.50 today and 4.50 then.", 20) == ["It costs 3.50 today", "and 4.50 then."]

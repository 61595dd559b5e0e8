"""Tests of the training text and of the judge; they need neither torch nor a checkpoint.

Run with ``python -m pytest demo/training`` or ``python demo/training/test_text.py``.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from build_corpus import assert_clean, epoch_conversations, load_cases, load_held_out
from corpus.dialogues import BY_NAME, INTENTS
from corpus.drawing import draw_pair
from corpus.sums import sum_pair
from corpus.unknown import ANSWERS
from judge import RULES, image_prompt, judge

# Rules that rightly accept the answers of a neighbour: a greeting is a greeting.
_NEIGHBOURS = {
    "talk.greet": {"talk.morning", "talk.evening"},
    "lang.say.japanese": {"self.language", "lang.greet.japanese"},
    "lang.say.german": {"self.language", "lang.greet.german"},
    "lang.say.spanish": {"self.language", "lang.greet.spanish"},
}


def test_rules_accept_their_own_answers_and_no_others() -> None:
    """A right answer passes and an answer on another topic fails, for every rule."""
    for rule in RULES:
        if rule not in BY_NAME:
            continue
        case = {"kind": "keywords", "rule": rule}
        assert all(judge(case, answer) for answer in BY_NAME[rule].answers), rule
        for intent in INTENTS:
            if intent.name == rule or intent.name in _NEIGHBOURS.get(rule, set()):
                continue
            assert not any(judge(case, answer) for answer in intent.answers), (rule, intent.name)
        assert not any(judge(case, answer) for answer in ANSWERS), rule


def test_refusal_passes_only_for_unknown_things() -> None:
    """Refusing does not earn points for questions that have an answer."""
    refusal = ANSWERS[0]
    assert judge({"kind": "unknown"}, refusal)
    assert not judge({"kind": "sum", "result": 10}, refusal)
    assert not judge({"kind": "unknown"}, BY_NAME["about.what"].answers[0])


def test_sums_and_pictures_are_judged_exactly() -> None:
    """A wrong number, a missing word and broken JSON fail."""
    assert judge({"kind": "sum", "result": 12}, "7 + 5 = 12")
    assert not judge({"kind": "sum", "result": 12}, "7 + 5 = 13")
    case = {"kind": "picture", "subject": "red fox", "values": {"seed": 7}}
    good = 'Here:\n\n```image_prompt\n{"prompt": "a red fox", "seed": 7}\n```'
    assert judge(case, good)
    assert not judge(case, good.replace("fox", "cat"))
    assert not judge(case, good.replace("7", "8"))
    assert not judge(case, good.replace("}", ""))


def test_generators_make_what_they_promise() -> None:
    """Sums are right and pictures hold the JSON object that was asked for."""
    rng = random.Random(1)
    for _ in range(500):
        _, answer = sum_pair(rng)
        left, result = answer.replace("×", "*").split(" = ")
        first, sign, second = left.split()
        assert int(result) == {"+": int.__add__, "-": int.__sub__, "*": int.__mul__}[sign](
            int(first), int(second)
        )
        _, answer, values = draw_pair(rng)
        assert image_prompt(answer) == values


def test_text_is_deterministic_and_clean() -> None:
    """The same seed gives the same text, and the held-out set is not part of it."""
    held_out = load_held_out()
    first = epoch_conversations(0, held_out, count=300)
    assert first == epoch_conversations(0, held_out, count=300)
    assert first != epoch_conversations(1, held_out, count=300)
    assert_clean(first, held_out)


def test_held_out_set_is_large() -> None:
    """There are more than a hundred cases, on every topic."""
    cases = load_cases()
    assert len(cases) >= 100
    assert len({str(case["topic"]) for case in cases}) >= 15


if __name__ == "__main__":
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
            print("ok", name)

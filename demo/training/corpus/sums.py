"""Small sums, the only arithmetic the demo model does, and larger ones that it declines.

Addition and subtraction cover 0 to 20, multiplication 0 to 10; whatever lies beyond gets an
honest refusal, so that the model does not invent numbers.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from .grammar import expand

WORDS: Sequence[str] = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
).split()

REFUSAL = (
    "I do not know: that sum is too large for me. I can only add and subtract up to 20 and multiply up to 10."
)
REFUSAL_KIND = "I do not know: I can only add, subtract and multiply small numbers."

_PHRASES = {
    "+": (
        "{a} + {b}",
        "{a}+{b}",
        "{a} plus {b}",
        "the sum of {a} and {b}",
        "{a} and {b} together",
        "{a} added to {b}",
    ),
    "-": (
        "{a} - {b}",
        "{a}-{b}",
        "{a} minus {b}",
        "{a} less {b}",
        "{a} take away {b}",
        "the difference of {a} and {b}",
    ),
    "*": (
        "{a} * {b}",
        "{a}*{b}",
        "{a} times {b}",
        "{a} x {b}",
        "{a} × {b}",
        "{a} multiplied by {b}",
        "the product of {a} and {b}",
    ),
}
_WHOLE = {
    "+": (
        "add {a} and {b}",
        "add {b} to {a}",
        "I have {a} apples and get {b} more. How many apples do I have?",
        "there are {a} cats and {b} dogs, how many animals are there?",
        "increase {a} by {b}",
    ),
    "-": (
        "subtract {b} from {a}",
        "take {b} from {a}",
        "take {b} away from {a}",
        "I have {a} apples and eat {b}. How many are left?",
        "decrease {a} by {b}",
    ),
    "*": (
        "multiply {a} by {b}",
        "multiply {a} and {b}",
        "{a} boxes hold {b} apples each, how many apples are there?",
    ),
}
_FRAMES = (
    "what is {s}?",
    "what's {s}?",
    "{s}",
    "{s} =",
    "{s}=",
    "{s}?",
    "{s} = ?",
    "how much is {s}?",
    "calculate {s}",
    "compute {s}",
    "[please|] tell me {s}",
    "what does {s} [make|give|equal]?",
    "can you [calculate|compute|work out|solve] {s}?",
    "work out {s}",
    "solve {s}",
    "[I need|give me] {s}",
    "do you know {s}?",
    "what [do you get for|is the result of|is the answer to] {s}?",
    "{s} makes?",
    "[quick|a small sum|a sum]: {s}",
    "how many is {s}?",
    "evaluate {s}",
)


def _phrase(op: str, a: str, b: str, rng: random.Random) -> str:
    slots = {"a": a, "b": b}
    if rng.random() < 0.22:
        return expand(rng.choice(_WHOLE[op]), rng, slots)
    # Plain signs are what people type most, so they get a larger share.
    phrase = _PHRASES[op][0] if rng.random() < 0.35 else rng.choice(_PHRASES[op])
    return expand(rng.choice(_FRAMES), rng, {"s": expand(phrase, rng, slots)})


def result(op: str, a: int, b: int) -> int:
    """Return what the sum makes."""
    return {"+": a + b, "-": a - b, "*": a * b}[op]


def sum_pair(rng: random.Random, short: bool = False) -> tuple[str, str]:
    """Return a question with a small sum and its answer; a short one is only the sum itself."""
    op = rng.choice("++--*")
    top = 10 if op == "*" else 20
    a, b = rng.randint(0, top), rng.randint(0, top)
    if op == "-" and a < b and rng.random() < 0.7:
        a, b = b, a
    in_words = rng.random() < 0.12
    left, right = (WORDS[a], WORDS[b]) if in_words else (str(a), str(b))
    sign = {"+": "+", "-": "-", "*": "×"}[op]
    slots = {"a": left, "b": right}
    question = expand(rng.choice(_PHRASES[op][:3]), rng, slots) if short else _phrase(op, left, right, rng)
    return question, f"{a} {sign} {b} = {result(op, a, b)}"


def _number(rng: random.Random, low: int) -> int:
    return rng.choice(
        (rng.randint(low, 99), rng.randint(100, 999), rng.randint(1000, 99999), rng.randint(10**5, 10**9))
    )


def large_pair(rng: random.Random) -> tuple[str, str]:
    """Return a sum that is too large or of another kind, and the refusal."""
    if rng.random() < 0.3:
        a, b = rng.randint(2, 999), rng.randint(2, 99)
        question = expand(
            rng.choice(
                (
                    "what is {a} divided by {b}?",
                    "{a} / {b}",
                    "{a} ÷ {b}",
                    "divide {a} by {b}",
                    "{a}^{b}",
                    "what is the [square root|root|logarithm|cube root|sine|factorial] of {a}?",
                    "{a} to the power of {b}",
                    "what is {b} percent of {a}?",
                    "is {a} a prime number?",
                    "what is pi to {b} digits?",
                    "solve x + {a} = {b} for x",
                    "what is the [derivative|integral] of x^{b}?",
                    "{a} modulo {b}",
                )
            ),
            rng,
            {"a": str(a), "b": str(b)},
        )
        return question, REFUSAL_KIND
    op = rng.choice("+-*")
    low = 11 if op == "*" else 21
    a, b = _number(rng, low), _number(rng, low)
    if rng.random() < 0.35:
        b = rng.randint(0, low - 1)
    if rng.random() < 0.5:
        a, b = b, a
    return _phrase(op, str(a), str(b), rng), REFUSAL

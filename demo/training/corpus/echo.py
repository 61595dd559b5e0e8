"""Requests to repeat some words, answered with exactly these words.

The task is of little use by itself, but it is the shortest way to learn copying, on which
pictures, commands and names depend.
"""

from __future__ import annotations

import random

from .grammar import expand
from .words import ADJECTIVES, CITIES, NAMES, NOUNS, PLACES, gibberish, invented

_FRAMES = (
    "repeat: {w}",
    "say: {w}",
    "repeat after me: {w}",
    "please [repeat|say|write]: {w}",
    "[copy|write|echo] this: {w}",
    "[can|could] you repeat [this|the words|these words|the following]: {w}",
    "write down: {w}",
    "echo {w}",
    "[spell out|say|repeat] the words {w}",
    "[write|repeat] exactly: {w}",
)


def echo_pair(rng: random.Random) -> tuple[str, str]:
    """Return a request to repeat random words, and the words."""
    words: list[str] = []
    for _ in range(rng.choice((1, 2, 3, 4, 5, 6, 8, 10, 14))):
        roll = rng.random()
        if roll < 0.3:
            words.append(invented(rng))
        elif roll < 0.45:
            words.append(gibberish(rng).split()[0])
        elif roll < 0.52:
            words.append(str(rng.randint(0, 9999)))
        else:
            words.append(rng.choice(rng.choice((ADJECTIVES, NOUNS, NAMES, CITIES, PLACES))))
    text = " ".join(words)
    return expand(rng.choice(_FRAMES), rng, {"w": text}), text

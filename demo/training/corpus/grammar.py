"""Expand question templates such as ``[how|where] do I {do}?`` into plain sentences.

Square brackets choose one of several alternatives (an empty one may be among them), braces
name a slot; both are resolved with the caller's random generator, so a seed fixes the text.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")
_SPACES = re.compile(r" {2,}")

SLOTS: Mapping[str, Sequence[str]] = {
    "a": ("a", "my", "the", "this", "some", "our", "any", "another"),
    "model": ("model", "checkpoint", "model", "LLM", "language model", "network", "AI model"),
    "models": ("models", "checkpoints", "models", "LLMs", "language models", "my models"),
    "service": ("service", "server", "gateway", "endpoint", "API", "deployment", "model service"),
    "modelyard": ("Modelyard", "Modelyard", "modelyard", "the Modelyard", "it"),
    "host": ("host", "machine", "server", "box", "computer", "node"),
    "hosts": ("hosts", "machines", "servers", "nodes", "computers"),
}


def expand(template: str, rng: random.Random, slots: Mapping[str, str] | None = None) -> str:
    """Return one sentence of the template, with given slots first and shared ones after."""
    text = template
    while True:
        # Inside-out, so that choices may be nested and may hold slots.
        match = _CHOICE.search(text)
        if match is None:
            break
        text = text[: match.start()] + rng.choice(match.group(1).split("|")) + text[match.end() :]

    def fill(match: re.Match[str]) -> str:
        name = match.group(1)
        if slots and name in slots:
            return slots[name]
        return rng.choice(SLOTS[name])

    for _ in range(3):  # a slot's value may itself hold a slot
        text = _SLOT.sub(fill, text)
    return _SPACES.sub(" ", text).replace(" ?", "?").replace(" ,", ",").strip()


def normalise(text: str) -> str:
    """Reduce a question to lower-case words, the form in which two texts are compared."""
    return " ".join(re.findall(r"\w+|[+*/=-]", text.lower()))


def _typo(text: str, rng: random.Random) -> str:
    """Swap, drop or double one letter somewhere inside a longer word."""
    spots = [m for m in re.finditer(r"[a-z]{5,}", text)]
    if not spots:
        return text
    word = rng.choice(spots)
    at = rng.randrange(word.start() + 1, word.end() - 1)
    kind = rng.randrange(3)
    if kind == 0:
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    if kind == 1:
        return text[:at] + text[at + 1 :]
    return text[:at] + text[at] + text[at:]


def roughen(text: str, rng: random.Random, typos: bool = True) -> str:
    """Write a question as people type it: other case, no punctuation, a polite word, a typo."""
    if rng.random() < 0.06:
        text = rng.choice(("hi, ", "hello, ", "please, ", "hey, ", "ok, ", "so, ", "and ")) + text
    if rng.random() < 0.05 and text[-1:] in "?.":
        text = text[:-1] + rng.choice((" please", ", please", " thanks")) + text[-1]
    roll = rng.random()
    if roll < 0.40:
        text = text[:1].upper() + text[1:]
    elif roll < 0.55:
        text = text.lower()
    elif roll < 0.57:
        text = text.upper()
    if rng.random() < 0.25:
        text = text.rstrip("?!.")
    elif text[-1:].isalnum() and rng.random() < 0.3:
        text += rng.choice((".", "?", "!"))
    if typos and rng.random() < 0.08:
        text = _typo(text, rng)
    return text

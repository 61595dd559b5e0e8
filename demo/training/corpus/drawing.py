"""Requests for pictures, answered with an ``image_prompt`` block that holds one JSON object.

Subjects are composed of adjective, noun and place, some with invented words, so the model has
to copy them instead of remembering them.
"""

from __future__ import annotations

import json
import random

from .grammar import expand
from .words import ADJECTIVES, COLOURS, NOUNS, PLACES, STYLES, article, invented

LEAD = "Here is a prompt for your picture:"
LEAD_CHANGE = "Here is the changed prompt:"
NO_SUBJECT = "Yes, I can write image prompts. Tell me what the picture shall show, for example: draw a red fox in a forest."

_FRAMES = (
    "draw {s}",
    "draw me {s}",
    "[please|] draw {s}[| for me]",
    "paint {s}",
    "paint me {s}",
    "sketch {s}",
    "illustrate {s}",
    "[can|could|would|will] you [draw|paint|sketch|create|make] [me|] {s}?",
    "[make|create|generate|produce|design|render|give me|show me|I want|I need|I would like] [a|an] [picture|image|drawing|painting|illustration|sketch] [of|showing|with] {s}",
    "[make|create|generate] [a|an] [picture|image] [of|with] {s}[| please| for me]",
    "[a|an] [picture|image|drawing|painting|photo|illustration] of {s}[|, please]",
    "[image|picture|drawing|imagine|visualise|draw this]: {s}",
    "I [want|would like|need] to see {s}[| in a picture| as an image]",
    "[let me see|show me] [a picture|an image|a drawing] of {s}",
    "what would {s} look like? draw it",
    "write [an image prompt|a prompt for an image|a picture prompt|an image_prompt] [for|of|with|showing] {s}",
)
_NO_SUBJECT = (
    "can you [draw|paint|make pictures|create images|make images|generate images|draw pictures|draw something|paint pictures]?",
    "[do you|are you able to] [draw|paint|make pictures|create images]?",
    "[draw|paint|sketch|make a picture|draw a picture|create an image|draw something|I want a picture|generate an image][| please| for me]",
    "how do I [make|get|create|generate] [a picture|an image|images|pictures]?",
)


def _noun_phrase(rng: random.Random) -> str:
    noun = invented(rng) if rng.random() < 0.22 else rng.choice(NOUNS)
    words = [noun]
    if rng.random() < 0.8:
        words.insert(0, invented(rng) if rng.random() < 0.15 else rng.choice(ADJECTIVES))
        if rng.random() < 0.2:
            words.insert(0, rng.choice(ADJECTIVES))
    roll = rng.random()
    if roll < 0.7:
        return f"{article(words[0])} {' '.join(words)}"
    if roll < 0.8:
        return f"the {' '.join(words)}"
    if roll < 0.93:
        return f"{rng.choice(('two', 'three', 'many', 'five', 'some'))} {' '.join(words)}s"
    return " ".join(words)


def _place(rng: random.Random) -> str:
    roll = rng.random()
    if roll < 0.6:
        return rng.choice(PLACES)
    preposition = rng.choice(
        ("in", "on", "near", "under", "behind", "above", "with", "next to", "in front of", "inside")
    )
    return f"{preposition} {_noun_phrase(rng)}"


def subject(rng: random.Random) -> str:
    """Return what a picture shall show."""
    text = _noun_phrase(rng)
    if rng.random() < 0.12:
        text += f" and {_noun_phrase(rng)}"
    if rng.random() < 0.15:
        text += f" {rng.choice(('holding', 'chasing', 'watching', 'riding', 'eating', 'wearing', 'reading', 'carrying'))} {_noun_phrase(rng)}"
    if rng.random() < 0.65:
        text += f" {_place(rng)}"
    if rng.random() < 0.1:
        text += f" {rng.choice(PLACES)}"
    return text


def block(lead: str, values: dict[str, object]) -> str:
    """Return the answer: a sentence and the fenced JSON object."""
    return f"{lead}\n\n```image_prompt\n{json.dumps(values, ensure_ascii=False)}\n```"


def _options(rng: random.Random) -> tuple[str, dict[str, object]]:
    """Return the words that ask for settings and the settings themselves."""
    parts: list[str] = []
    values: dict[str, object] = {}
    if rng.random() < 0.5:
        avoid = (
            invented(rng)
            if rng.random() < 0.2
            else rng.choice((*NOUNS, "people", "text", "letters", "blur", "noise"))
        )
        parts.append(expand("[without|no|avoid|but no] {x}", rng, {"x": avoid}))
        values["negative_prompt"] = avoid
    if rng.random() < 0.55:
        steps = rng.randint(1, 60)
        parts.append(expand("[with|using|in|] {n} steps", rng, {"n": str(steps)}))
        values["steps"] = steps
    if rng.random() < 0.25:
        scale = rng.choice((rng.randint(1, 15), rng.randint(10, 149) / 10))
        parts.append(
            expand("[guidance scale|with guidance|guidance|guidance_scale] {n}", rng, {"n": str(scale)})
        )
        values["guidance_scale"] = scale
    if rng.random() < 0.6 or not parts:
        seed = rng.choice((rng.randint(0, 99), rng.randint(0, 9999), rng.randint(0, 999999)))
        parts.append(
            expand("[with seed|seed|use seed|and seed|with the seed|seed =|seed:] {n}", rng, {"n": str(seed)})
        )
        values["seed"] = seed
    return ", ".join(parts) if rng.random() < 0.6 else " ".join(parts), values


def draw_pair(rng: random.Random) -> tuple[str, str, dict[str, object]]:
    """Return a request, its answer and the JSON object of the answer."""
    text = subject(rng)
    prompt = text
    shown = text
    values: dict[str, object] = {}
    if rng.random() < 0.18:
        style = rng.choice(STYLES) if rng.random() < 0.85 else invented(rng)
        shown = f"{text} {expand(rng.choice(('as {x}', 'in {x} style', 'in the style of {x}', '{x} style')), rng, {'x': style})}"
        prompt = f"{text}, {style}"
    values["prompt"] = f"{prompt}, highly detailed"
    request = expand(rng.choice(_FRAMES), rng, {"s": shown})
    if rng.random() < 0.4:
        words, extra = _options(rng)
        request = request.rstrip("?.") + rng.choice((", ", " ", ". ")) + words
        values.update(extra)
    elif rng.random() < 0.25:
        values["negative_prompt"] = "blurry, low quality"
    # The order of the keys is fixed, so the model need not guess which one comes next.
    order = ("prompt", "negative_prompt", "steps", "guidance_scale", "seed")
    values = {key: values[key] for key in order if key in values}
    return request, block(LEAD, values), values


def change_pair(rng: random.Random, values: dict[str, object]) -> tuple[str, str, dict[str, object]]:
    """Return a request to change the picture before, and its answer."""
    values = dict(values)
    if rng.random() < 0.5:
        seed = rng.randint(0, 9999)
        values.pop("seed", None)
        values["seed"] = seed
        ask = expand(
            "[again|once more|the same|another one|draw it again|repeat it|one more] with [seed|the seed|another seed,] {n}",
            rng,
            {"n": str(seed)},
        )
    else:
        extra = rng.choice(PLACES) if rng.random() < 0.7 else f"in {rng.choice(COLOURS)}"
        prompt = str(values["prompt"]).removesuffix(", highly detailed")
        values["prompt"] = f"{prompt}, {extra}, highly detailed"
        ask = expand(
            "[now|the same|again|but|put it|make it|and now|draw it] {x}[| please]", rng, {"x": extra}
        )
    return ask, block(LEAD_CHANGE, values), values


def no_subject_pair(rng: random.Random) -> tuple[str, str]:
    """Return a request for a picture that does not say of what, and the question back."""
    return expand(rng.choice(_NO_SUBJECT), rng), NO_SUBJECT

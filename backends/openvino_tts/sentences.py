"""Cuts a text where a speaker would pause, into pieces that are short enough for the model.

Knows text; does not know speech.
"""

from __future__ import annotations

import re

# Where to cut, the best place first: after a sentence, after a clause, between words.
# Chinese and Japanese marks (full stop, comma, exclamation and question mark) need no space behind them.
_CUTS = (
    re.compile(r"(?<=[.!?;:])\s+|(?<=[\u3002\uff01\uff1f])\s*|\n+"),
    re.compile(r"(?<=[,;:\u2013\u2014])\s+|(?<=[\u3001\uff0c])\s*"),
    re.compile(r"\s+"),
)


def pieces(text: str, longest: int) -> list[str]:
    """Pieces of at most `longest` characters, none of them empty; nothing but white space is lost."""
    return _cut(text, longest, 0)


def _cut(text: str, longest: int, level: int) -> list[str]:
    text = " ".join(text.split()) if level == len(_CUTS) else text.strip()
    if not text:
        return []
    if len(text) <= longest:
        return [" ".join(text.split())]
    if level == len(_CUTS):  # one long word
        return [text[start : start + longest] for start in range(0, len(text), longest)]
    found: list[str] = []
    held = ""
    for part in filter(None, (part.strip() for part in _CUTS[level].split(text))):
        # Parts that fit together stay together, or every comma would be a pause.
        joined = f"{held} {part}" if held else part
        if len(joined) <= longest:
            held = joined
            continue
        found += _cut(held, longest, level + 1)
        held = part
        if len(part) > longest:
            found += _cut(part, longest, level + 1)
            held = ""
    return found + _cut(held, longest, level + 1)

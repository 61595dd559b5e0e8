"""What a classifier's own labels mean in OpenAI's categories, and which of them mean that all is well.

A table of words; knows no model. docs/api/openai-tasks.md shows it to users.
"""

from __future__ import annotations

import re

CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)

# Labels of moderation models that are published, in small letters with hyphens.
_MEANINGS = {
    "harassment": "toxic toxicity severe-toxic severe-toxicity insult bullying abuse abusive offensive hr",
    "harassment/threatening": "threat threatening",
    "hate": "hateful hatespeech hate-speech identity-hate identity-attack racism racist sexism sexist h",
    "hate/threatening": "h2",
    "illicit": "illegal crime criminal drugs",
    "illicit/violent": "weapons terrorism",
    "self-harm": "selfharm suicide suicidal sh",
    "sexual": "sexual-explicit sexually-explicit sexual-content nsfw porn pornographic s",
    "sexual/minors": "s3",
    "violence": "violent v",
    "violence/graphic": "gore graphic v2",
}
_CATEGORY_OF = {label: category for category, labels in _MEANINGS.items() for label in labels.split()} | {
    re.sub(r"[/\s_]+", "-", category): category for category in CATEGORIES
}

_WELL_LABELS = (
    "ok okay safe sfw neutral none normal clean benign harmless acceptable appropriate ham good positive label-0"
)
_WELL = frozenset(_WELL_LABELS.split())
# "not-toxic", "non-hate", "nothate", "nontoxic", "no-threat": a denial of something that is objected to.
_DENIED = re.compile(r"(?:not|non|no)-?(.+)")


def category_of(label: str) -> str | None:
    """OpenAI's category for a label, None where it has none."""
    return _CATEGORY_OF.get(_plain(label))


def is_well(label: str) -> bool:
    """Whether a label says that there is nothing to object to: "safe", "not_toxic", "nothate", "LABEL_0" ..."""
    plain = _plain(label)
    if plain in _WELL:
        return True
    denied = _DENIED.fullmatch(plain)
    return denied is not None and ("-" in plain or denied[1] in _CATEGORY_OF)


def _plain(label: str) -> str:
    return re.sub(r"[/\s_-]+", "-", label.strip().lower())

"""Which series a PromQL expression asks for: the names of the metrics and of the labels that it relies on.

Reads what our rules and dashboards are written in, which is less than all of PromQL; Prometheus itself judges the rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORDS = frozenset({"and", "or", "unless", "bool", "offset", "inf", "nan"})
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_SELECTOR = re.compile(r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?P<matchers>[^}]*)\})?(?P<call>\s*\()?")
_MATCHER = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*)\s*(?:=~|!~|!=|=)\s*\"(?:[^\"\\]|\\.)*\"")


@dataclass(frozen=True)
class Selector:
    """A metric, and the labels that its matchers name."""

    metric: str
    labels: frozenset[str]


def selectors(expression: str) -> list[Selector]:
    rest = re.sub(r"\[[^\]]*\]", "", _GROUPING.sub(" ", expression))
    return [
        Selector(found["name"], frozenset(_MATCHER.findall(found["matchers"] or "")))
        for found in _SELECTOR.finditer(rest)
        if found["name"].lower() not in _WORDS and not found["call"]
    ]


def grouping_labels(expression: str) -> set[str]:
    """What the expression groups or joins by."""
    return {label.strip() for inside in _GROUPING.findall(expression) for label in inside.split(",") if label.strip()}

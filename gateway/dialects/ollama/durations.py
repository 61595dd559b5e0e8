"""Spans of time as Ollama's clients write them, and as its answers tell them.

Knows the fields; how a span is spelt is the same everywhere in Modelyard.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from modelyard import durations


def _checked(given: float | str) -> float | str:
    durations.seconds(given)
    return given


# "5m", "1h30m", seconds as a number or a text, -1 for ever, 0 not at all.
KeepAlive = Annotated[float | str, AfterValidator(_checked)]


def keep_alive_s(given: float | str | None) -> float | None:
    return None if given is None else durations.seconds(given)


def nanoseconds(span_s: float) -> int:
    return round(span_s * 1e9)

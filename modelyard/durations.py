"""Lengths of time as people and Ollama's clients write them: `5m`, `1h30m`, `300`, `-1` for ever.

Knows text and seconds; does not know what is waited for.
"""

from __future__ import annotations

import math
import re

FOREVER = math.inf
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ms|us|µs|ns|h|m|s)")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")


def seconds(value: str | float) -> float:
    """A number of seconds, or a duration as Go writes it; everything below zero is `FOREVER`.

    Raises ValueError for what is neither.
    """
    if isinstance(value, bool):
        raise ValueError("a duration is a number of seconds or a text like 5m")
    if isinstance(value, int | float):
        return _checked(float(value), str(value))
    text = value.strip()
    body = text.removeprefix("-")
    if _WHOLE.fullmatch(body):
        return FOREVER if body != text else sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(body))
    try:
        return _checked(float(text), text)
    except ValueError:
        raise ValueError(f"'{value}' is not a duration; write seconds, or 5m, 1h30m, 0, or -1 for ever") from None


def _checked(number: float, text: str) -> float:
    if math.isnan(number):
        raise ValueError(f"'{text}' is not a duration")
    return FOREVER if number < 0 else number

"""Fields that are understood but not honoured: refused by name, unless their value asks for nothing.

Knows tables and values; the tables are each dialect's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from modelyard.errors import FieldRefused


class Refusal(NamedTuple):
    """Why a field cannot be honoured, and the values at which it asks for nothing."""

    why: str
    nothing: tuple[Any, ...] = (None,)


def without_refused(given: Any, table: Mapping[str, Refusal], *, where: str = "") -> Any:
    """What was given less the fields that ask for nothing. Raises FieldRefused for one that asks for something."""
    if not isinstance(given, dict):
        return given
    for name, refusal in table.items():
        if name in given and not _is_one_of(given[name], refusal.nothing):
            raise FieldRefused(f"{where}.{name}" if where else name, refusal.why)
    return {name: value for name, value in given.items() if name not in table}


def _is_one_of(value: Any, values: tuple[Any, ...]) -> bool:
    # 0 == False in Python, and they are different things in JSON.
    return any(type(value) is type(each) and value == each for each in values)

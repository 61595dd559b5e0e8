"""Strings, numbers and constants of a JSON schema, as expressions of a grammar.

Knows the keywords of these types; does not know objects, lists or references.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from . import numbers
from .formats import FORMATS
from .literals import literal
from .regular import of_json_string, repetition

_MOST_ITEMS = 10_000
_NUMBER_FORMATS = ("int32", "int64", "uint32", "uint64", "float", "double")  # OpenAPI's; they bound nothing here


def of_string(given: dict[str, Any], place: str) -> str:
    least, most = bounds(given, "minLength", "maxLength", place)
    pattern, form = given.get("pattern"), given.get("format")
    if form is not None:
        if form not in FORMATS:
            raise ValueError(f"a schema whose 'format' is one of {', '.join(FORMATS)} (in {place})")
        if pattern is not None:
            raise ValueError(f"a schema without 'pattern' beside 'format' (in {place})")
        pattern = f"^({FORMATS[form].pattern})$"
        if least <= FORMATS[form].shortest and (most is None or most >= FORMATS[form].longest):
            least, most = 0, None
    if pattern is None:
        return f'"\\"" character{repetition(least, most)} "\\""'
    if least or most is not None:
        beside = "pattern" if form is None else "format"
        raise ValueError(f"a schema without 'minLength' and 'maxLength' beside '{beside}' (in {place})")
    try:
        return f'"\\"" {of_json_string(str(pattern))} "\\""'
    except ValueError as error:
        raise ValueError(f"a schema with a 'pattern' that can be kept to (in {place}: {error})") from None


def of_number(kind: str, given: dict[str, Any], place: str) -> str:
    if given.get("format", "int32") not in _NUMBER_FORMATS:
        raise ValueError(f"a schema without 'format' beside the type {kind} (in {place})")
    limits = {name: _decimal(given[name], name, place) for name in given if "imum" in name}
    if not limits:
        return kind
    # A step that is finer than the bounds, so that there is room between them.
    places = 0 if kind == "integer" else 1 + max(_places(each) for each in limits.values())
    step = Decimal(1).scaleb(-places)
    lows = [limits["minimum"]] if "minimum" in limits else []
    highs = [limits["maximum"]] if "maximum" in limits else []
    if "exclusiveMinimum" in limits:
        lows.append(_floor(limits["exclusiveMinimum"], step) + step)
    if "exclusiveMaximum" in limits:
        highs.append(-_floor(-limits["exclusiveMaximum"], step) - step)
    try:
        return numbers.between(max(lows, default=None), min(highs, default=None), places=places)
    except ValueError as error:
        raise ValueError(f"a schema with {error} (in {place})") from None


def _floor(value: Decimal, step: Decimal) -> Decimal:
    return (value / step).to_integral_value("ROUND_FLOOR") * step


def _places(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _decimal(value: Any, name: str, place: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 10**15:
        raise ValueError(f"a schema whose '{name}' is a number that JSON can tell exactly (in {place})")
    return Decimal(str(value))


def bounds(given: dict[str, Any], low: str, high: str, place: str) -> tuple[int, int | None]:
    least, most = given.get(low, 0), given.get(high)
    for name, value in ((low, least), (high, most)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            raise ValueError(f"a schema whose '{name}' is a whole number (in {place})")
    if most is not None and least > most:
        raise ValueError(f"a schema whose '{low}' is at most its '{high}' (in {place})")
    if least > _MOST_ITEMS:
        raise ValueError(f"a schema whose '{low}' is at most {_MOST_ITEMS} (in {place})")
    return least, None if most is None else min(most, _MOST_ITEMS)


def of_constants(given: dict[str, Any], place: str) -> str:
    values = [given["const"]] if "const" in given else given["enum"]
    if unknown := sorted(given.keys() - {"const", "enum", "type"}):
        raise ValueError(f"a schema without '{unknown[0]}' beside constants (in {place})")
    if "const" in given and "enum" in given:
        raise ValueError(f"a schema without 'enum' beside 'const' (in {place})")
    types = given.get("type")
    allowed = [types] if isinstance(types, str) else types
    if isinstance(values, list):
        values = [each for each in values if allowed is None or any(_is_of(each, kind) for kind in allowed)]
    if not isinstance(values, list) or not values:
        raise ValueError(f"a schema with a constant that its type allows (in {place})")
    return " | ".join(literal(json.dumps(each, ensure_ascii=False)) for each in values)


def _is_of(value: Any, kind: str) -> bool:
    if isinstance(value, bool) or value is None:
        return kind == ("null" if value is None else "boolean")
    if isinstance(value, int | float):
        return kind == "number" or (kind == "integer" and value == int(value))
    return kind == ("string" if isinstance(value, str) else "array" if isinstance(value, list) else "object")

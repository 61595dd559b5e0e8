"""Regular expressions as grammars: what Python's own parser reads of them, and what a grammar can say.

An expression is to match the whole text, or, with `anywhere`, any piece of it, as JSON Schema's `pattern` does.
Shorthands such as \\d and \\w are those of ASCII. Knows expressions; does not know schemas or the engine.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

from .literals import ANY, LAST, UNESCAPED, Span, characters, literal, union, without

# Its name in Python 3.10 and since.
_PARSER: Any = importlib.import_module("re._parser" if sys.version_info >= (3, 11) else "sre_parse")

_WIDEST = 20_000  # characters that repetitions within repetitions may come to
_DIGITS: list[Span] = [(0x30, 0x39)]
_SPACES: list[Span] = [(0x09, 0x0D), (0x20, 0x20)]
_WORDS: list[Span] = [*_DIGITS, (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)]
_CATEGORIES = {
    "CATEGORY_DIGIT": _DIGITS,
    "CATEGORY_SPACE": _SPACES,
    "CATEGORY_WORD": _WORDS,
    "CATEGORY_NOT_DIGIT": without(ANY, _DIGITS),
    "CATEGORY_NOT_SPACE": without(ANY, _SPACES),
    "CATEGORY_NOT_WORD": without(ANY, _WORDS),
}
_CANNOT = {
    "ASSERT": "look-around",
    "ASSERT_NOT": "look-around",
    "GROUPREF": "a back-reference",
    "GROUPREF_EXISTS": "a back-reference",
    "ATOMIC_GROUP": "an atomic group",
    "POSSESSIVE_REPEAT": "a possessive repetition",
}
# What must be written differently within a JSON string, and how.
_JSON_ESCAPES = {0x22: '\\"', 0x5C: "\\\\", 0x08: "\\b", 0x09: "\\t", 0x0A: "\\n", 0x0C: "\\f", 0x0D: "\\r"}

SetOf = Callable[[Sequence[Span]], str]


def of_text(expression: str) -> str:
    """The texts that an expression matches from the first character to the last. Raises ValueError."""
    return _Converter(_one_of).top(_parsed(expression), start=True, end=True)


def of_json_string(expression: str) -> str:
    """What stands between the quotes of the JSON strings in which an expression matches. Raises ValueError."""
    return _Converter(json_characters).top(_parsed(expression), start=False, end=False)


def json_characters(spans: Sequence[Span]) -> str:
    """One character of a set, as it is written in a JSON string. Raises ValueError where no such can be written."""
    plain = without(spans, without([(0, LAST)], UNESCAPED))
    ways = [characters(plain)] if plain else []
    ways += [literal(text) for code, text in _JSON_ESCAPES.items() if any(a <= code <= b for a, b in spans)]
    if not ways:
        raise ValueError("it asks for a character that cannot be written")
    return ways[0] if len(ways) == 1 else f"({' | '.join(ways)})"


def _one_of(spans: Sequence[Span]) -> str:
    if not spans:
        raise ValueError("it has an empty set of characters")
    return characters(spans)


def _parsed(expression: str) -> Any:
    try:
        parsed = _PARSER.parse(expression)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(str(error) or "it is nested too deeply") from None
    if parsed.state.flags & ~re.UNICODE.value:
        raise ValueError("it has flags, which cannot be honoured")
    return parsed


class _Converter:
    def __init__(self, one_of: SetOf) -> None:
        self._one_of = one_of
        self._widths = [1]  # how often what is being read is repeated at most

    def top(self, items: Any, *, start: bool, end: bool) -> str:
        """A whole expression; `start` and `end` say that it must begin or end where the text does."""
        read = list(items)
        while read and _is(read[0], "AT") and str(read[0][1]) in ("AT_BEGINNING", "AT_BEGINNING_STRING"):
            start, read = True, read[1:]
        while read and _is(read[-1], "AT") and str(read[-1][1]) in ("AT_END", "AT_END_STRING"):
            end, read = True, read[:-1]
        if len(read) == 1 and _is(read[0], "SUBPATTERN") and not (read[0][1][1] or read[0][1][2]):
            return self.top(read[0][1][3], start=start, end=end)
        if len(read) == 1 and _is(read[0], "BRANCH"):
            return "(" + " | ".join(self.top(each, start=start, end=end) for each in read[0][1][1]) + ")"
        anything = f"({self._one_of(ANY)})*"
        pieces = [*([] if start else [anything]), self._sequence(read), *([] if end else [anything])]
        return " ".join(piece for piece in pieces if piece) or '""'

    def _sequence(self, items: Any) -> str:
        return " ".join(self._item(str(kind), value) for kind, value in items) or '""'

    def _item(self, kind: str, value: Any) -> str:
        if kind == "LITERAL":
            return self._one_of([(value, value)])
        if kind == "NOT_LITERAL":
            return self._one_of(without(ANY, [(value, value)]))
        if kind == "ANY":
            return self._one_of(without(ANY, [(0x0A, 0x0A)]))
        if kind == "IN":
            return self._one_of(_members(value))
        if kind == "BRANCH":
            return "(" + " | ".join(self._sequence(each) for each in value[1]) + ")"
        if kind == "SUBPATTERN":
            _, more, fewer, inner = value
            if more or fewer:
                raise ValueError("it has flags, which cannot be honoured")
            return f"({self._sequence(inner)})"
        if kind in ("MAX_REPEAT", "MIN_REPEAT"):
            return self._repeated(*value)
        if kind == "AT":
            raise ValueError("it has a place (^, $, \\b) that is not at its beginning or end")
        raise ValueError(f"it has {_CANNOT.get(kind, kind.lower())}, which cannot be honoured")

    def _repeated(self, low: int, high: Any, inner: Any) -> str:
        endless = high is _PARSER.MAXREPEAT
        self._widths.append(self._widths[-1] * max(1, low if endless else int(high)))
        if self._widths[-1] > _WIDEST:
            raise ValueError(f"its repetitions come to more than {_WIDEST}")
        text = f"({self._sequence(inner)})"
        self._widths.pop()
        return text + repetition(low, None if endless else int(high))


def repetition(low: int, high: int | None) -> str:
    """The mark for so many in a row; `high` None is without end."""
    return {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((low, high)) or f"{{{low},{'' if high is None else high}}}"


def _is(item: Any, kind: str) -> bool:
    return str(item[0]) == kind


def _members(items: Any) -> list[Span]:
    spans: list[Span] = []
    negated = False
    for kind, value in items:
        name = str(kind)
        if name == "NEGATE":
            negated = True
        elif name == "LITERAL":
            spans.append((value, value))
        elif name == "RANGE":
            spans.append((value[0], min(value[1], LAST)))
        else:
            spans += _CATEGORIES[str(value)]
    return without(ANY, spans) if negated else without(union(spans), without([(0, LAST)], ANY))

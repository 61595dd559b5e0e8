"""Numbers within bounds, as grammars: digit for digit.

Knows decimal digits; does not know schemas.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

INTEGER = '("-"? ("0" | [1-9] [0-9]{0,14}))'
NUMBER = f'({INTEGER} ("." [0-9]{{1,15}})? ([eE] [+-]? [0-9]{{1,2}})?)'

_FARTHEST = 10**15 - 1  # where floating point still tells whole numbers apart
_MOST_PLACES = 12


def between(low: Decimal | None, high: Decimal | None, *, places: int) -> str:
    """The numbers from `low` to `high` with so many decimal places. Raises ValueError where there is none."""
    if places > _MOST_PLACES:
        raise ValueError("bounds with at most 11 decimal places")
    scale = 10**places
    first = -_FARTHEST * scale if low is None else int((low * scale).to_integral_value("ROUND_CEILING"))
    last = _FARTHEST * scale if high is None else int((high * scale).to_integral_value("ROUND_FLOOR"))
    first, last = max(first, -_FARTHEST * scale), min(last, _FARTHEST * scale)
    if first > last:
        raise ValueError("bounds with a number between them")
    ways = []
    if first < 0:
        ways += [f'"-" {way}' for way in _digits(max(1, -last), -first, places)]
    if last >= 0:
        ways += _digits(max(0, first), last, places)
    return f"({' | '.join(ways)})"


def _digits(first: int, last: int, places: int) -> Iterator[str]:
    """Numbers that are not negative, by how many digits they have; the point stands before the last `places`."""
    least = places + 1
    for length in range(max(least, len(str(first))), max(least, len(str(last))) + 1):
        low = max(first, 0 if length == least else 10 ** (length - 1))
        high = min(last, 10**length - 1)
        if low <= high:
            for way in _same_length(str(low).zfill(length), str(high).zfill(length)):
                yield _written(way, places)


def _same_length(low: str, high: str) -> Iterator[list[str]]:
    """Sequences of digits from one to another, as a digit or a range of them at each place."""
    if not low:
        yield []
    elif low[0] == high[0]:
        yield from ([low[0], *rest] for rest in _same_length(low[1:], high[1:]))
    else:
        nines, zeros = "9" * (len(low) - 1), "0" * (len(low) - 1)
        begin, end = int(low[0]), int(high[0])
        if low[1:] != zeros:
            yield from ([low[0], *rest] for rest in _same_length(low[1:], nines))
            begin += 1
        if high[1:] != nines:
            end -= 1
        if begin <= end:
            yield [f"{begin}-{end}" if begin < end else str(begin), *["0-9"] * len(zeros)]
        if high[1:] != nines:
            yield from ([high[0], *rest] for rest in _same_length(zeros, high[1:]))


def _written(way: list[str], places: int) -> str:
    digits = [f"[{each}]" for each in way]
    return " ".join([*digits[:-places], '"."', *digits[-places:]] if places else digits)

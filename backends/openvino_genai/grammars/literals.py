"""Texts and sets of characters in the notation of the engine's grammars.

Knows escapes; does not know what a grammar is for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Span = tuple[int, int]  # code points, both ends included

LAST = 0x10FFFF
_SURROGATES = (0xD800, 0xDFFF)
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def literal(text: str) -> str:
    """A text as it stands."""
    return '"' + "".join(_ESCAPES.get(each) or _shown(each) for each in text) + '"'


def characters(spans: Sequence[Span]) -> str:
    """One character of a set. Never as "none of these", which the engine takes for any bytes that begin like one."""
    ranges = [each for span in spans for each in _by_bytes(*span)]
    return "[" + "".join(_code(low) if low == high else f"{_code(low)}-{_code(high)}" for low, high in ranges) + "]"


def _by_bytes(low: int, high: int) -> list[Span]:
    """A range cut so that in each piece every byte of UTF-8 has a range of its own, whatever the others are: the
    engine reads a range byte by byte, and one that is not so cut would let through bytes that are no text."""
    for last in (0x7F, 0x7FF, 0xFFFF):
        if low <= last < high:
            return _by_bytes(low, last) + _by_bytes(last + 1, high)
    if high <= 0x7F:
        return [(low, high)]
    for bits in (6, 12, 18):
        mask = (1 << bits) - 1
        if low & ~mask != high & ~mask:
            if low & mask:
                return _by_bytes(low, low | mask) + _by_bytes((low | mask) + 1, high)
            if high & mask != mask:
                return _by_bytes(low, (high & ~mask) - 1) + _by_bytes(high & ~mask, high)
    return [(low, high)]


def union(spans: Iterable[Span]) -> list[Span]:
    """The same characters in order, without overlaps."""
    merged: list[Span] = []
    for low, high in sorted(spans):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(merged[-1][1], high)
        else:
            merged.append((low, high))
    return merged


def without(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """The characters of a set that are not among those taken."""
    left = union(spans)
    for low, high in taken:
        left = [
            piece
            for first, last in left
            for piece in ((first, min(last, low - 1)), (max(first, high + 1), last))
            if piece[0] <= piece[1]
        ]
    return left


# Whatever can be sent as text; NUL ends a text in too many places.
ANY: Sequence[Span] = tuple(without([(1, LAST)], [_SURROGATES]))
# Of these, what may stand in a JSON string without an escape.
UNESCAPED: Sequence[Span] = tuple(without(ANY, [(0, 0x1F), (0x22, 0x22), (0x5C, 0x5C)]))


def _shown(character: str) -> str:
    return character if character.isprintable() else _code(ord(character))


def _code(point: int) -> str:
    if 0x30 <= point <= 0x39 or 0x41 <= point <= 0x5A or 0x61 <= point <= 0x7A:
        return chr(point)
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"

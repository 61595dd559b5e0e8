"""JSON that every client takes for one line.

Python's clients break lines at all that Unicode calls a line's end, of which JSON lets three stand in a text.
"""

from __future__ import annotations

import re

import orjson

# U+0085, U+2028 and U+2029 in UTF-8; a byte pair or triple like that is never part of another character.
_ENDS = {b"\xc2\x85": b"\\u0085", b"\xe2\x80\xa8": b"\\u2028", b"\xe2\x80\xa9": b"\\u2029"}
_ANY_END = re.compile(b"|".join(_ENDS))


def on_one_line(value: object) -> bytes:
    """The JSON, without the end of the line."""
    written = orjson.dumps(value)
    if written.isascii():
        return written
    return _ANY_END.sub(lambda found: _ENDS[found[0]], written)


def line(value: object) -> bytes:
    return on_one_line(value) + b"\n"

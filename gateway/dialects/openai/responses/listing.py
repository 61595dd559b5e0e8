"""What the query of a stored response may ask: pages of its items, and nothing that it cannot be given.

Knows names and values of a query; knows no HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import orjson

from gateway.dialects.openai.responses.schemas import INCLUDED
from modelyard.errors import FieldRefused, InvalidInput

_INCLUDE = ("include", "include[]")  # a client may write a list either way
_WHOLE = {"stream": ("false",), "include_obfuscation": ("false",)}


def check_query(query: Iterable[tuple[str, str]], known: Sequence[str] = ()) -> None:
    """Raises FieldRefused for what is not known, or asks for something that there is not."""
    for name, value in query:
        if name in _INCLUDE and value not in INCLUDED:
            raise FieldRefused("include", f"what can be included is {', '.join(INCLUDED)}")
        if name == "starting_after" or (name in _WHOLE and value not in _WHOLE[name]):
            raise FieldRefused(name, "a stored response is answered whole, not as a stream")
        if name not in (*known, *_INCLUDE, *_WHOLE):
            raise FieldRefused(name[:64], "it is not a parameter of this path")


def page(items: Sequence[bytes], *, limit: int, order: Literal["asc", "desc"], after: str | None) -> dict[str, Any]:
    """A page of the items. Raises InvalidInput when there is no item `after`."""
    listed = [orjson.loads(each) for each in items]
    if order == "desc":
        listed.reverse()
    start = 0
    if after is not None:
        places = [place for place, each in enumerate(listed) if each["id"] == after]
        if not places:
            raise InvalidInput("'after' is the id of no item here", field="after")
        start = places[0] + 1
    shown = listed[start : start + limit]
    return {
        "object": "list",
        "data": shown,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
        "has_more": start + limit < len(listed),
    }

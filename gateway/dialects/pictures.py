"""The pictures of one request: how many it may have, and that they are read side by side.

Knows the paths of fields; what reads a picture is handed in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from modelyard.errors import InvalidInput

MAX_PICTURES = 32

T = TypeVar("T")


def check_count(count: int, field: str) -> None:
    """Raises InvalidInput for more than one request may have. `field` is the one that has them."""
    if count > MAX_PICTURES:
        raise InvalidInput(f"'{field}' has more than {MAX_PICTURES} pictures", field=field)


async def read_all(wanted: Sequence[tuple[str, T]], read: Callable[[T], Awaitable[bytes]]) -> list[bytes]:
    """The pictures in their order, each named by the path of its field. The first error ends them all."""

    async def one(where: str, picture: T) -> bytes:
        try:
            return await read(picture)
        except InvalidInput as error:
            error.field = where
            raise

    reading = [asyncio.ensure_future(one(where, each)) for where, each in wanted]
    try:
        return list(await asyncio.gather(*reading))
    finally:
        for each in reading:
            each.cancel()
        await asyncio.gather(*reading, return_exceptions=True)

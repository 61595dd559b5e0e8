"""The texts of a request, checked.

Knows the input's name and how many there may be; does not know what they are for.
"""

from __future__ import annotations

from ..failures import Refused
from ..inputs import Tensor, texts


def texts_asked(tensor: Tensor, name: str, most: int) -> list[str]:
    """All texts of an input. Raises Refused where there are none or too many, or where one is empty."""
    array = tensor(name)
    count = 0 if array is None else int(array.size)
    if count == 0:
        raise Refused(f"'{name}' has no texts")
    if count > most:
        raise Refused(f"'{name}' has {count} texts, at most {most} may be sent at once")
    found = texts(tensor, name)
    for place, each in enumerate(found):
        if not each.strip():
            raise Refused(f"element {place} of '{name}' is empty")
    return found

"""Input tensors to Python values, checked.

Knows arrays as Triton's Python backend hands them out; `tensor` everywhere gives an input's array by name, or None.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from .failures import Refused

Tensor = Callable[[str], "Any | None"]


def only(array: Any, name: str) -> Any:
    """The one element of an array."""
    if array.size != 1:
        raise Refused(f"'{name}' must have one element, not {array.size}")
    return array.reshape(-1)[0]


def flag(tensor: Tensor, name: str) -> bool:
    """A BOOL of one element; False where it was not sent."""
    array = tensor(name)
    return array is not None and bool(only(array, name))


def text(tensor: Tensor, name: str) -> str | None:
    """A BYTES of one element as text; None where it was not sent."""
    array = tensor(name)
    return None if array is None else decoded(only(array, name), name)


def texts(tensor: Tensor, name: str) -> list[str]:
    """A BYTES of any number of elements as texts; none where it was not sent."""
    array = tensor(name)
    return [] if array is None else [decoded(value, name) for value in array.reshape(-1)]


def blob(tensor: Tensor, name: str) -> bytes | None:
    """A BYTES of one element as it is; None where it was not sent."""
    array = tensor(name)
    return None if array is None else bytes(only(array, name))


def blobs(tensor: Tensor, name: str) -> list[bytes]:
    """A BYTES of any number of elements as they are; none where it was not sent."""
    array = tensor(name)
    return [] if array is None else [bytes(value) for value in array.reshape(-1)]


def json_object(tensor: Tensor, name: str) -> Mapping[str, Any]:
    """A BYTES of one element that holds a JSON object; empty where it was not sent."""
    given = text(tensor, name)
    if given is None or not given.strip():
        return {}
    try:
        value = json.loads(given)
    except (ValueError, RecursionError) as error:
        raise Refused(f"'{name}' is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise Refused(f"'{name}' must be a JSON object")
    return value


def decoded(value: Any, name: str) -> str:
    """Bytes as text. Raises Refused where they are not UTF-8."""
    try:
        return value.decode() if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError as error:
        raise Refused(f"'{name}' is not UTF-8: {error.reason} at byte {error.start}") from None

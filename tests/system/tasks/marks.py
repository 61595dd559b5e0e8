"""The mark of a test that proves several fields of one endpoint at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

Test = TypeVar("Test")


def proves(path: str, *fields: str, verdict: str = "honoured") -> Callable[[Test], Test]:
    """The endpoint itself is the field ""."""

    def mark(test: Test) -> Test:
        for field in fields:
            test = pytest.mark.proves(f"POST {path}", field, verdict)(test)
        return test

    return mark

"""What holds for every test: none is decided by the clock, and CI tries the same generated examples each time.

Files that take minutes come first, so that no process is left alone with one of them at the end.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Hypothesis' own limit is 200 ms an example, which a loaded machine exceeds now and then.
settings.register_profile(
    "tests", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("tests")

_HERE = Path(__file__).parent
# Where models are converted, then where they are served.
_LONG = [_HERE / name for name in ("converters", "system", "backends")]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return next((at for at, folder in enumerate(_LONG) if folder in item.path.parents), len(_LONG))

    items.sort(key=place)  # within a folder they stay as they are

"""Passes by the tests that need a Docker engine, unless `make test-deploy` has seen to one.

They are in the folders named here, at any depth. Everything else below tests/deploy reads files, and is part of `make
test`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.engine import SWITCH, Engine, docker_engine

# "running" is for the folders whose other tests need none, as compose/running/.
_NEED_AN_ENGINE = frozenset({"images", "system", "running"})
_HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if os.environ.get(SWITCH) == "1" or _HERE not in collection_path.parents:
        return None
    return True if _NEED_AN_ENGINE.intersection(collection_path.relative_to(_HERE).parts) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever of them comes first waits for images that are built, and pytest's limit counts that in."""
    for item in items:
        if _HERE in item.path.parents and _NEED_AN_ENGINE.intersection(item.path.relative_to(_HERE).parts):
            item.add_marker(pytest.mark.timeout(3600))


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The engine that DOCKER_HOST names, or one for this run of pytest alone."""
    with docker_engine() as found, pytest.MonkeyPatch.context() as patched:
        patched.setenv("DOCKER_HOST", found.host)
        yield found

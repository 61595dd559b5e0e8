"""A small archive, and a repository to take it into."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.modelyard.catalog.entries import archive_of, write_entry


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """A repository on another host, so to speak."""
    return tmp_path / "there" / "repository"


@pytest.fixture(scope="session")
def small() -> bytes:
    """The archive of a small model."""
    with tempfile.TemporaryDirectory() as folder:
        return archive_of(write_entry(Path(folder) / "repository", "m", weights=700))

"""When each model last answered: a file per model beside the repository, and its time is the record.

Knows names and times; does not know what was asked, or by whom.
"""

from __future__ import annotations

import contextlib
import time
from datetime import datetime, timezone
from pathlib import Path

from modelyard.entry import checked_name, staging_root
from modelyard.errors import BadEntryName

FOLDER = "usage"
_PAUSE_S = 10.0  # a busy model answers hundreds of times a second, and nobody asks for that precision

_noted: dict[Path, float] = {}


def record(repository: Path, name: str) -> None:
    """A model has answered. Cheap enough for every answer; what cannot be written is no reason to fail one."""
    path, now = repository / name, time.monotonic()
    if now - _noted.get(path, -_PAUSE_S) < _PAUSE_S:
        return
    _noted[path] = now
    # A repository that is not there is another host's, and nothing is made beside it.
    with contextlib.suppress(OSError, BadEntryName, ValueError):
        if repository.is_dir():
            file = _file(repository, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()


def last_used(repository: Path, name: str) -> datetime | None:
    """When the model last answered, in UTC, to ten seconds; None when it has not yet."""
    try:
        return datetime.fromtimestamp(_file(repository, name).stat().st_mtime, timezone.utc)
    except OSError:
        return None


def forget(repository: Path, name: str) -> None:
    """The model is gone."""
    with contextlib.suppress(OSError):
        _file(repository, name).unlink(missing_ok=True)


def _file(repository: Path, name: str) -> Path:
    return staging_root(repository) / FOLDER / checked_name(name)

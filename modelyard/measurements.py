"""What was measured on this host once and need not be measured again: kept beside the repository, by processor's name.

    <staging root>/measurements.json    {"<processor>": {"bandwidth": bytes per second, "targets": {...}}}

A file that cannot be read is as good as none. Knows a file; measures nothing.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from modelyard.entry import staging_root
from modelyard.host import cpu_name

FILE = "measurements.json"
_GUARD = "measurements.guard"


def recall(repository: Path) -> dict[str, Any]:
    """What is known of this host."""
    return _host_in(_read(staging_root(repository) / FILE))


def remember(repository: Path, **figures: Any) -> None:
    """Add figures of this host; mappings are joined with what is there, key by key."""
    root = staging_root(repository)
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / _GUARD):
        content = _read(root / FILE)
        known = _host_in(content)
        for name, figure in figures.items():
            before = known.get(name)
            joined = isinstance(figure, Mapping) and isinstance(before, dict)
            known[name] = {**before, **figure} if joined and before is not None else figure
        _write(root / FILE, content | {cpu_name(): known})


def bandwidth(repository: Path, *, anew: bool = False) -> float:
    """Bytes per second that this host reads from memory; measured when it is not known."""
    from modelyard.host import memory_bandwidth

    known = positive(recall(repository).get("bandwidth"))
    if not anew and known is not None:
        return known
    measured = memory_bandwidth()
    remember(repository, bandwidth=round(measured))
    return measured


def positive(figure: object) -> float | None:
    """A figure that was read back; None where it cannot have been measured."""
    if not isinstance(figure, (int, float)) or isinstance(figure, bool) or not 0 < figure < float("inf"):
        return None
    return float(figure)


def _host_in(content: Mapping[str, Any]) -> dict[str, Any]:
    known = content.get(cpu_name())
    return dict(known) if isinstance(known, dict) else {}


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _write(path: Path, content: Mapping[str, Any]) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".measurements-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
    Path(name).replace(path)

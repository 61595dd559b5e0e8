"""The checkout's `deploy` and `ansible` folders, without what is somebody's own: inventories, secrets, caches.

Knows folders; does not know the archive.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from modelyard.catalog.integrity import is_safe, printable
from modelyard.errors import InvalidInput

_LEFT_OUT = {"__pycache__", ".ansible", ".cache", ".git", ".venv", "collections", "secrets", "node_modules"}
_LEFT_OUT_ENDINGS = (".pyc", ".retry", ".env", ".key", ".vault", "~")
_INVENTORIES, _EXAMPLE = "inventories", "example"


def files_of(checkout: Path, name: str) -> Iterator[tuple[str, Path]]:
    """Path in the bundle and file, in order. A link to something in the checkout goes in as what it leads to.

    Raises InvalidInput for what is neither a file nor a folder of the checkout.
    """
    root = checkout.resolve()
    for parent, folders, files in os.walk(checkout / name, followlinks=True):
        at_inventories = Path(parent) == checkout / name / _INVENTORIES
        folders[:] = sorted(
            folder for folder in folders if folder not in _LEFT_OUT and (not at_inventories or folder == _EXAMPLE)
        )
        for folder in folders:
            target = Path(parent, folder).resolve()
            if not target.is_relative_to(root) or Path(parent).resolve().is_relative_to(target):
                raise _astray(Path(parent, folder).relative_to(checkout))
        for file in sorted(files):
            found = Path(parent, file)
            path = found.relative_to(checkout)
            if at_inventories or file.endswith(_LEFT_OUT_ENDINGS):
                continue
            if not found.resolve().is_relative_to(root) or not found.is_file() or not is_safe(path.as_posix()):
                raise _astray(path)
            yield path.as_posix(), found


def _astray(path: Path) -> InvalidInput:
    return InvalidInput(
        f"{printable(str(path))} cannot go into a bundle", hint="it must be a file or a folder of the checkout"
    )

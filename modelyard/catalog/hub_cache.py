"""What no model needs any more in our own cache of the hub.

    models--org--name/blobs/<digest>             the files, and <digest>.incomplete of a download that was cut
    models--org--name/refs/<branch>              the commit that a branch was at
    models--org--name/snapshots/<commit>/...     links into blobs
    models--org--name/.modelyard/...             what our own downloads note of a commit and of a blob

The first three are the cache's documented layout, so no library is needed. Only for a cache that is Modelyard's
alone: another program's models cannot be told from garbage. Follows no link out of the cache.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from modelyard.catalog.garbage import Garbage
from modelyard.catalog.installed import bytes_freed_with, everything_in
from modelyard.manifest import Manifest

_DAY_S = 24 * 3600.0


def unneeded(cache: Path, manifests: Iterable[Manifest], *, dry_run: bool, now: float | None = None) -> list[Garbage]:
    """Remove, unless it is a dry run, snapshots of which no entry was made, blobs of no snapshot, cut downloads.

    What was written or opened within the last day is left alone: it may be for a conversion that has not begun yet.
    """
    kept = {manifest.source.revision for manifest in manifests}
    before = (time.time() if now is None else now) - _DAY_S
    found: list[Garbage] = []
    for model in sorted(cache.glob("models--*--*")):
        if model.is_dir() and not model.is_symlink():
            found += _of_model(model, kept, before, dry_run=dry_run)
    return found


def _of_model(model: Path, kept: set[str], before: float, *, dry_run: bool) -> list[Garbage]:
    name = model.name.removeprefix("models--").replace("--", "/")
    snapshots = [each for each in _children(model / "snapshots") if each.is_dir() and not each.is_symlink()]
    goes = [each for each in snapshots if each.name not in kept and _newest(each) < before]
    used = {
        link.resolve() for each in snapshots if each not in goes for link in everything_in(each) if link.is_symlink()
    }
    blobs = [
        blob
        for blob in _children(model / "blobs")
        if blob.is_file() and not blob.is_symlink() and blob.resolve() not in used and blob.lstat().st_mtime < before
    ]
    found = [Garbage(each, f"snapshot of {name}, of which no model was made", bytes_freed_with(each)) for each in goes]
    for blob in blobs:
        cut = blob.suffix == ".incomplete"
        what = f"download for {name} that was cut" if cut else f"file of {name} that no snapshot uses"
        found.append(Garbage(blob, what, bytes_freed_with(blob)))
    if not dry_run:
        gone = {each.name for each in goes}
        for each in goes:
            shutil.rmtree(each, ignore_errors=True)
            (model / ".modelyard" / "listings" / f"{each.name}.json").unlink(missing_ok=True)
        for blob in blobs:
            blob.unlink(missing_ok=True)
            (model / ".modelyard" / "verified" / blob.name).unlink(missing_ok=True)
        _clear_refs(model, gone)
        if gone and not _children(model / "snapshots") and not _children(model / "blobs"):
            shutil.rmtree(model, ignore_errors=True)
    return found


def _children(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() and not folder.is_symlink() else []


def _newest(snapshot: Path) -> float:
    """When the snapshot was last written to; a file shared between snapshots says nothing of this one."""
    times = [snapshot.stat().st_mtime, *(path.lstat().st_mtime for path in everything_in(snapshot))]
    return max(times)


def _clear_refs(model: Path, gone: set[str]) -> None:
    if (refs := model / "refs").is_dir() and not refs.is_symlink():
        for ref in everything_in(refs):
            with contextlib.suppress(OSError, ValueError):
                if ref.read_text().strip() in gone:
                    ref.unlink()

"""Files out of a verified bundle onto the disk: each is compared once more as it is written.

Between the check and this the bundle may have been changed, so nothing is taken that does not have the digest that
was signed. Knows paths and digests; does not know what the files are for.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from modelyard.deployment.bundle.archive import PIECE
from modelyard.deployment.bundle.opened import Bundle
from modelyard.deployment.errors import BundleDamaged
from modelyard.manifest import sha256_of


def pieces(bundle: Bundle, path: str, digest: str) -> Iterator[bytes]:
    """A file's bytes; raises BundleDamaged after the last one when they are not those that were signed."""
    seen = hashlib.sha256()
    with bundle.open(path) as stream:
        while piece := stream.read(PIECE):
            seen.update(piece)
            yield piece
    if seen.hexdigest() != digest:
        raise BundleDamaged(bundle.name, [f"{path} was altered while it was read"])


def unpack_tree(bundle: Bundle, digests: Mapping[str, str], name: str, folder: Path) -> None:
    """What is below `name` in the bundle becomes `folder`, by one rename. A folder that was there is replaced."""
    fresh = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    fresh.mkdir(parents=True)
    try:
        for path, digest in _below(digests, name).items():
            target = fresh / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                for piece in pieces(bundle, f"{name}/{path}", digest):
                    file.write(piece)
        if folder.exists():
            old = folder.with_name(f"{fresh.name}.old")
            folder.rename(old)
            shutil.rmtree(old)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def is_unpacked(digests: Mapping[str, str], name: str, folder: Path) -> bool:
    """Whether the folder has every file of the bundle below `name`, unchanged."""
    return all(
        (folder / path).is_file() and sha256_of(folder / path) == digest
        for path, digest in _below(digests, name).items()
    )


def _below(digests: Mapping[str, str], name: str) -> dict[str, str]:
    return {path.removeprefix(f"{name}/"): digest for path, digest in digests.items() if path.startswith(f"{name}/")}

"""Whether a blob holds the bytes that the hub named.

Knows the two hashes that the hub uses; reads a file again only when it changed since it was last found to be right.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from converters.hub.cache import RepoCache
from modelyard.manifest import sha256_of

_BLOCK = 2**20


def digest_of(path: Path, like: str) -> str:
    """The file's hash of the kind that `like` is: 64 digits are SHA-256, 40 are git's of a blob."""
    return sha256_of(path) if len(like) == 64 else _git_blob(path)


def is_sound(cache: RepoCache, digest: str) -> bool:
    """Whether the blob is here with the right bytes."""
    blob = cache.blob(digest)
    if not blob.is_file():
        return False
    if cache.is_noted(digest):
        return True
    if digest_of(blob, digest) != digest:
        return False
    cache.note_verified(digest)
    return True


def _git_blob(path: Path) -> str:
    # The hub names small files as git does, for which SHA-1 is the name and no protection.
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()

"""Bringing a model's files into the cache: several at once, each checked against the hub's hash, none twice.

Knows the order of the work; what a model consists of, how bytes come and where they lie are its siblings'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from converters.hub.access import Hub, need_library
from converters.hub.cache import RepoCache
from converters.hub.download import Download, OnProgress
from converters.hub.failures import AllFailed, EndpointFailure, first_that_answers
from converters.hub.listing import (
    Listing,
    RemoteFile,
    cached_listing,
    check_id,
    listing_at,
    not_here,
    pick,
)
from converters.hub.verify import is_sound
from modelyard.errors import SourceUnavailable

Choose = Callable[[Iterable[str]], tuple[str, ...]]
# Told of the commit's files, the names of those that were chosen, and how many bytes of them are not here.
Look = Callable[[Listing, tuple[str, ...], int], None]


class Fetched(NamedTuple):
    """Where the files are, of which commit, and their names below the folder."""

    folder: Path
    commit: str
    files: tuple[str, ...]


def fetch(
    hub: Hub,
    model: str,
    *,
    revision: str | None = None,
    choose: Choose,
    look: Look | None = None,
    on_progress: OnProgress | None = None,
) -> Fetched:
    """Bring what `choose` picks of the model's files into the cache, every byte of it checked.

    Where something is to come, `look` is called before the first byte of it; what it raises ends the fetch. When no
    endpoint answers, the cache stands in if it has the model. Raises SourceUnavailable, NotEnoughDisk.
    """
    need_library()
    check_id(model)
    cache = RepoCache(hub.cache(), model)
    if hub.is_offline():
        return _from_cache(cache, revision, choose)
    try:
        return first_that_answers(
            hub.addresses(), partial(_from_endpoint, hub, cache, revision, choose, look, on_progress or _silent)
        )
    except AllFailed as failed:
        if not failed.hub_is_away:
            raise failed.as_error() from failed
        return _from_cache(cache, revision, choose, failed)


def _from_endpoint(
    hub: Hub,
    cache: RepoCache,
    revision: str | None,
    choose: Choose,
    look: Look | None,
    on_progress: OnProgress,
    endpoint: str,
) -> Fetched:
    listing = listing_at(hub, cache.model, revision, endpoint)
    names = choose(listing.names)
    files = pick(listing, cache.model, names)
    folder = cache.snapshot(listing.commit)
    cache.note_use(listing.commit)  # before it is looked what is here, so that nothing of that goes any more
    missing = [file for file in files if not _is_here(cache, folder, file)]
    if look is not None and missing:
        look(listing, names, sum(file.size or 0 for file in missing))
    folder.mkdir(parents=True, exist_ok=True)
    cache.record(listing.commit, ((file.name, file.size, file.digest) for file in listing.files))
    Download(hub, cache, endpoint, listing.commit, on_progress).run(files)
    cache.remember(revision, listing.commit)
    return Fetched(folder, listing.commit, names)


def _is_here(cache: RepoCache, folder: Path, file: RemoteFile) -> bool:
    blob = cache.blob(file.digest) if file.digest is not None else None
    return (folder / file.name).is_file() or (blob is not None and blob.is_file())


def _from_cache(cache: RepoCache, revision: str | None, choose: Choose, failed: AllFailed | None = None) -> Fetched:
    listing = cached_listing(cache, revision, failed)
    folder = cache.snapshot(listing.commit)
    cache.note_use(listing.commit)
    names = choose(listing.names)
    try:
        files = pick(listing, cache.model, names)
    except EndpointFailure as missing:
        raise missing.as_error() from missing
    absent = [file.name for file in files if not (folder / file.name).is_file()]
    if absent:
        raise not_here(cache.model, failed, absent)
    for file in files:
        _check(cache, listing, file)
    return Fetched(folder, listing.commit, names)


def _check(cache: RepoCache, listing: Listing, file: RemoteFile) -> None:
    """What lies in the cache may have been damaged since; nobody can be asked for it again now."""
    path = cache.snapshot(listing.commit) / file.name
    if file.digest is None or path.resolve() != cache.blob(file.digest).resolve() or is_sound(cache, file.digest):
        return
    cache.discard(file.digest)
    raise SourceUnavailable(
        f"{file.name} of {cache.model} was damaged in the cache (wrong checksum), and the hub cannot be asked now",
        hint="it was removed; run the same command again with a network",
    )


def _silent(file: str, done: int, total: int, /) -> None:
    """For a caller that shows nothing."""

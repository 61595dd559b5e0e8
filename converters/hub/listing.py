"""What a model on the hub consists of: its files with sizes and hashes at one commit.

Reads the hub's answers, which may be anything; fetches no file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from converters.hub.access import GO_ONLINE, Hub, need_library, session
from converters.hub.cache import RepoCache
from converters.hub.failures import AllFailed, first_that_answers, foreign, no_file, understood
from converters.hub.retries import ask
from modelyard import __version__
from modelyard.errors import SourceUnavailable

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoFile, RepoSibling

# Above it the hub names only some of the files with the model itself, and all of them in the tree.
_MOST_SIBLINGS = 1000
_COMMIT = re.compile(r"[0-9a-f]{40}")
_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True)
class RemoteFile:
    """A file of a model. `digest` is its SHA-256 (64 digits) where it is large, else git's hash of it (40 digits).

    `size` is in bytes; None, as the digest, where only the cache is known.
    """

    name: str
    size: int | None
    digest: str | None


@dataclass(frozen=True)
class Listing:
    """The files of a model at a commit."""

    commit: str
    files: tuple[RemoteFile, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(file.name for file in self.files)

    def file(self, name: str) -> RemoteFile | None:
        return next((file for file in self.files if file.name == name), None)


def list_files(hub: Hub, model: str, *, revision: str | None = None) -> Listing:
    """The model's files, without fetching any; without a network what the cache knows. Raises SourceUnavailable."""
    need_library()
    check_id(model)
    cache = RepoCache(hub.cache(), model)
    if hub.is_offline():
        return cached_listing(cache, revision)
    try:
        return first_that_answers(hub.addresses(), partial(listing_at, hub, model, revision))
    except AllFailed as failed:
        if not failed.hub_is_away:
            raise failed.as_error() from failed
        return cached_listing(cache, revision, failed)


def listing_at(hub: Hub, model: str, revision: str | None, endpoint: str) -> Listing:
    """What one endpoint says. Raises EndpointFailure."""
    from huggingface_hub import HfApi

    session()
    api, wait_s = (
        HfApi(endpoint=endpoint, library_name="modelyard", library_version=__version__),
        hub.patience.answer_timeout_s,
    )
    try:
        info = ask(lambda: api.model_info(model, revision=revision, files_metadata=True, timeout=wait_s), hub.patience)
        siblings: Iterable[RepoSibling | RepoFile] = info.siblings or ()
        commit = str(info.sha)
        if not 0 < len(tuple(siblings)) <= _MOST_SIBLINGS and _COMMIT.fullmatch(commit):
            siblings = ask(lambda: _tree(api, model, commit), hub.patience)
        return listing_of(commit, siblings)
    except Exception as error:
        failure = understood(error, endpoint, model, wanted=revision or "main")
        if failure is not None:
            raise failure from error
        if isinstance(error, (KeyError, TypeError, ValueError, AttributeError)):  # an answer of another form
            raise foreign(endpoint) from error
        raise


def listing_of(commit: str, files: Iterable[Any]) -> Listing:
    """The library's objects as ours. Raises ValueError on a name, a size or a hash that cannot be one."""
    if not _COMMIT.fullmatch(commit):
        raise ValueError(f"no commit: {commit!r}")
    return Listing(commit, tuple(_remote_file(file) for file in files))


def cached_listing(cache: RepoCache, revision: str | None, failed: AllFailed | None = None) -> Listing:
    """What the cache knows of the revision: every file when it was listed once, else those that are there."""
    commit = cache.commit_of(revision)
    if commit is None:
        raise not_here(cache.model, failed) from failed
    recorded = cache.recorded(commit)
    if recorded is not None:
        try:
            return Listing(commit, tuple(_checked(name, size, digest) for name, size, digest in recorded))
        except (TypeError, ValueError):
            pass  # damaged: what lies there still says something
    return Listing(commit, tuple(RemoteFile(*found) for found in cache.present(commit)))


def not_here(model: str, failed: AllFailed | None, absent: Sequence[str] = ()) -> SourceUnavailable:
    """The cache lacks the model, or these files of it; `failed` is None when the hub was not to be asked."""
    lacking = f"'{model}' is neither a folder here nor in the hub's cache"
    if absent:
        lacking = (
            f"the cache has '{model}' only in part: {', '.join(absent)} {'is' if len(absent) == 1 else 'are'} missing"
        )
    if failed is None:
        return SourceUnavailable(f"{lacking}, and offline mode is on", hint=f"{GO_ONLINE}; or give a folder")
    return SourceUnavailable(f"{lacking}, and {failed.as_error().message}", hint=failed.foremost.hint)


def check_id(model: str) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # exported without saying so

    try:
        validate_repo_id(model)
    except HFValidationError as error:
        raise SourceUnavailable(f"'{model}' is neither a folder nor a hub id (organisation/model)") from error


def pick(listing: Listing, model: str, names: Iterable[str]) -> tuple[RemoteFile, ...]:
    """The files of these names. Raises EndpointFailure on one that the model does not have."""
    found: list[RemoteFile] = []
    for name in names:
        file = listing.file(name)
        if file is None:
            raise no_file(model, name)
        found.append(file)
    return tuple(found)


def _tree(api: Any, model: str, commit: str) -> list[RepoFile]:
    from huggingface_hub.hf_api import RepoFile

    return [item for item in api.list_repo_tree(model, revision=commit, recursive=True) if isinstance(item, RepoFile)]


def _remote_file(file: Any) -> RemoteFile:
    name = file.rfilename
    if file.lfs is not None:
        return _checked(name, file.lfs.size, file.lfs.sha256)
    return _checked(name, file.size, file.blob_id)


def _checked(name: object, size: object, digest: object) -> RemoteFile:
    if not isinstance(name, str) or not name or "\\" in name or "\0" in name:
        raise ValueError(f"no file name: {name!r}")
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or path.as_posix() != name or name == ".":
        raise ValueError(f"a file name that leaves its folder: {name!r}")
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 0):
        raise ValueError(f"no size: {size!r}")
    if digest is not None and (not isinstance(digest, str) or not _DIGEST.fullmatch(digest)):
        raise ValueError(f"no hash: {digest!r}")
    return RemoteFile(name, size, digest)

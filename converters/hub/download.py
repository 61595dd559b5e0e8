"""The files of one model from one endpoint into its cache, several at once.

Each blob is had in the cheapest way: it is here, another model of the cache has it, or it comes over the network.
Checks every one of them; does not choose files or endpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import Event, Lock
from typing import Protocol

from converters.hub.access import Hub
from converters.hub.cache import RepoCache
from converters.hub.failures import damaged, foreign, understood
from converters.hub.listing import RemoteFile
from converters.hub.retries import ask
from converters.hub.transfer import Stopped, Transfer
from converters.hub.verify import digest_of, is_sound
from modelyard import __version__
from modelyard.errors import NotEnoughDisk
from modelyard.host import free_disk

_AT_ONCE = 8  # as huggingface_hub's own
# The hub gives larger ones by its block storage only, which huggingface_hub speaks itself.
LARGEST_OVER_HTTP = 50 * 10**9


class OnProgress(Protocol):
    """Told how many bytes of a file are here, of how many; first of every file before any of them moves on.

    It is called by one thread at a time, but not always by the same one. What it raises ends the fetch.
    """

    def __call__(self, file: str, done: int, total: int, /) -> None: ...


class Download:
    """`run` brings files here. One object serves one call."""

    def __init__(self, hub: Hub, cache: RepoCache, endpoint: str, commit: str, on_progress: OnProgress) -> None:
        self._hub = hub
        self._cache = cache
        self._endpoint = endpoint
        self._commit = commit
        self._on_progress = on_progress
        self._telling = Lock()
        self._stop = Event()

    def run(self, files: Sequence[RemoteFile]) -> None:
        """Raises EndpointFailure, NotEnoughDisk, and what `on_progress` raises."""
        blobs: dict[str, list[RemoteFile]] = {}  # a file that the model has twice comes once
        for file in files:
            if file.digest is None or file.size is None:
                raise foreign(self._endpoint)
            blobs.setdefault(file.digest, []).append(file)
        self._refuse_what_does_not_fit(blobs)
        for digest, named in blobs.items():
            self._tell(named[0], self._here(digest, named[0].size or 0))
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="hub") as workers:
            try:
                work = [workers.submit(self._bring, digest, named) for digest, named in blobs.items()]
                for done in as_completed(work):
                    done.result()
            finally:  # the first failure, or the user's Ctrl-C, ends the others as well
                self._stop.set()
                workers.shutdown(wait=True, cancel_futures=True)

    def _bring(self, digest: str, named: Sequence[RemoteFile]) -> None:
        first = named[0]
        try:
            with self._cache.only_one(digest, self._heed):
                if not self._is_here(digest) and (first.size or 0) <= LARGEST_OVER_HTTP:
                    self._transfer(first, digest)
            for file in named:
                self._place(file, digest)
            self._tell(first, first.size or 0)
        except Exception as error:
            failure = understood(error, self._endpoint, self._cache.model, wanted=first.name)
            if failure is None:
                raise
            raise failure from error

    def _is_here(self, digest: str) -> bool:
        """Whether the blob is here with the right bytes, be it only as a link to another model's."""
        cache = self._cache
        sound = is_sound(cache, digest)
        if not sound:
            cache.blob(digest).unlink(missing_ok=True)
        if len(digest) != 64:  # small files: not worth a look around
            return sound
        for other in cache.elsewhere(digest):
            if sound and cache.blob(digest).samefile(other.blob(digest)):
                continue
            if is_sound(other, digest) and cache.take_from(other, digest):
                return True
        return sound

    def _transfer(self, file: RemoteFile, digest: str) -> None:
        from huggingface_hub import hf_hub_url

        cache, incomplete = self._cache, self._cache.incomplete(digest)
        url = hf_hub_url(cache.model, file.name, revision=self._commit, endpoint=self._endpoint)
        for _ in range(2):  # wrong bytes are asked for once more
            Transfer(
                url=url,
                incomplete=incomplete,
                size=file.size or 0,
                patience=self._hub.patience,
                stop=self._stop,
                on_bytes=lambda here: self._tell(file, here),
            ).run()
            if digest_of(incomplete, digest) == digest:
                incomplete.replace(cache.blob(digest))
                cache.note_verified(digest)
                return
            incomplete.unlink()
        raise damaged(cache.model, file.name, self._endpoint)

    def _place(self, file: RemoteFile, digest: str) -> None:
        """The file under its name in the snapshot. The library makes the link, and would fetch what is not here."""
        for _ in range(2):
            path = self._link(file)
            if path.resolve() == self._cache.blob(digest).resolve():
                if is_sound(self._cache, digest):
                    return
                self._cache.discard(digest)
            elif digest_of(path, digest) == digest:
                return  # a copy, where there are no links, or under a mirror's own name for it
            else:
                path.resolve().unlink(missing_ok=True)
                path.unlink(missing_ok=True)
        raise damaged(self._cache.model, file.name, self._endpoint)

    def _link(self, file: RemoteFile) -> Path:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import LocalEntryNotFoundError
        from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars

        if not are_progress_bars_disabled():
            disable_progress_bars()  # progress is told by `on_progress`

        def link() -> str:
            try:
                return hf_hub_download(
                    self._cache.model,
                    file.name,
                    revision=self._commit,
                    endpoint=self._endpoint,
                    cache_dir=self._cache.root,
                    library_name="modelyard",
                    library_version=__version__,
                    etag_timeout=self._hub.patience.answer_timeout_s,
                )
            except LocalEntryNotFoundError as error:
                if isinstance(error.__cause__, Exception):
                    raise error.__cause__ from error  # why the hub could not be asked
                raise

        self._heed()
        return Path(ask(link, self._hub.patience))

    def _refuse_what_does_not_fit(self, blobs: dict[str, list[RemoteFile]]) -> None:
        needed = sum((named[0].size or 0) - self._here(digest, named[0].size or 0) for digest, named in blobs.items())
        free = free_disk(self._cache.root)
        if needed > free:
            raise NotEnoughDisk(self._cache.root, needed, free)

    def _here(self, digest: str, size: int) -> int:
        """Bytes of the blob that need not come over the network, by their number alone."""
        places = [self._cache.blob(digest), *(other.blob(digest) for other in self._cache.elsewhere(digest))]
        if any(_size(place) == size for place in places):
            return size
        begun = _size(self._cache.incomplete(digest))
        return begun if begun <= size else 0

    def _heed(self) -> None:
        if self._stop.is_set():
            raise Stopped

    def _tell(self, file: RemoteFile, here: int) -> None:
        with self._telling:
            self._on_progress(file.name, here, file.size or 0)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0

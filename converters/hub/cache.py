"""A model's part of huggingface_hub's cache: where its blobs, snapshots and branches lie, and what we note beside them.

    models--org--name/
        blobs/<hash>                       a file's bytes; `<hash>.incomplete` while they come
        snapshots/<commit>/<file name>     a link to a blob
        refs/<branch or tag>               the commit
        .modelyard/listings/<commit>.json  what the hub says the model consists of
        .modelyard/verified/<hash>         size and time of a blob when its hash was last found to be right

The layout is the library's, which writes the links; the last two are ours. Reads and writes files, asks nobody.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

_COMMIT = re.compile(r"[0-9a-f]{40}")
_LOOK_AGAIN_S = 0.5


class RepoCache:
    """The cache of one model. `root` is the cache of all."""

    def __init__(self, root: Path, model: str) -> None:
        from huggingface_hub.file_download import repo_folder_name

        self.root = root
        self.model = model
        self.folder = root / repo_folder_name(repo_id=model, repo_type="model")

    def blob(self, digest: str) -> Path:
        return self.folder / "blobs" / digest

    def incomplete(self, digest: str) -> Path:
        return self.folder / "blobs" / f"{digest}.incomplete"

    def snapshot(self, commit: str) -> Path:
        return self.folder / "snapshots" / commit

    @contextlib.contextmanager
    def only_one(self, digest: str, give_up: Callable[[], None]) -> Iterator[None]:
        """One process or thread at a time brings a blob here; `give_up` is called now and then while we wait for it.

        Not the library's lock, which it takes itself when it links the blob.
        """
        from filelock import FileLock, Timeout

        place = self.root / ".locks" / self.folder.name / f"{digest}.modelyard.lock"
        place.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(place)
        while not lock.is_locked:
            try:
                lock.acquire(timeout=_LOOK_AGAIN_S)
            except Timeout:
                give_up()
        try:
            yield
        finally:
            lock.release()

    def note_use(self, commit: str) -> None:
        """Somebody is about to read the commit's files, old ones too: `modelyard gc` leaves what is new alone."""
        with contextlib.suppress(OSError):  # not here yet, or a cache that cannot be written
            os.utime(self.snapshot(commit))

    # Branches and tags

    def commit_of(self, revision: str | None) -> str | None:
        """The commit that the revision was when it was last fetched whole, if its folder is here."""
        revision = revision or "main"
        commit = revision if _COMMIT.fullmatch(revision) else self._ref(revision)
        return commit if commit is not None and self.snapshot(commit).is_dir() else None

    def remember(self, revision: str | None, commit: str) -> None:
        """Note which commit a branch or a tag is now, once its files are here."""
        place = self._ref_place(revision or "main")
        if place is not None and revision != commit:
            _write(place, commit)

    def _ref(self, revision: str) -> str | None:
        place = self._ref_place(revision)
        try:
            commit = place.read_text(encoding="utf-8").strip() if place is not None else ""
        except (OSError, ValueError):
            return None
        return commit if _COMMIT.fullmatch(commit) else None

    def _ref_place(self, revision: str) -> Path | None:
        refs = self.folder / "refs"
        place = Path(os.path.normpath(refs / revision))
        return place if refs in place.parents else None

    # What the hub says that a commit consists of

    def record(self, commit: str, files: Iterable[tuple[str, int | None, str | None]]) -> None:
        content = json.dumps([list(file) for file in files], ensure_ascii=False)
        _write(self._listing(commit), content)

    def recorded(self, commit: str) -> list[Any] | None:
        """Name, size and hash of each file, as they were recorded; to be checked, for anybody may have written it."""
        try:
            content = json.loads(self._listing(commit).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return content if isinstance(content, list) else None

    def present(self, commit: str) -> list[tuple[str, int, str | None]]:
        """Name, size and hash of the files of a commit that are here. The hash is the blob's name, if it has one."""
        folder = self.snapshot(commit)
        found: list[tuple[str, int, str | None]] = []
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                blob = path.resolve()
                digest = blob.name if blob.parent.name == "blobs" and len(blob.name) in (40, 64) else None
                found.append((path.relative_to(folder).as_posix(), blob.stat().st_size, digest))
        return found

    def _listing(self, commit: str) -> Path:
        return self.folder / ".modelyard" / "listings" / f"{commit}.json"

    # Blobs whose hash was found to be right

    def note_verified(self, digest: str) -> None:
        with contextlib.suppress(OSError):  # a cache that cannot be written: the blob is read again next time
            _write(self._verified(digest), _stamp(self.blob(digest)))

    def is_noted(self, digest: str) -> bool:
        """Whether the blob was verified and is unchanged since."""
        try:
            return self._verified(digest).read_text(encoding="utf-8") == _stamp(self.blob(digest))
        except (OSError, ValueError):
            return False

    def discard(self, digest: str) -> None:
        """Remove a blob, every link to it, and what is noted of it."""
        blob = self.blob(digest)
        for link in (self.folder / "snapshots").rglob("*"):
            if link.is_symlink() and link.resolve() == blob.resolve():
                link.unlink(missing_ok=True)
        for path in (blob, self.incomplete(digest), self._verified(digest)):
            path.unlink(missing_ok=True)

    def elsewhere(self, digest: str) -> list[RepoCache]:
        """The other models of the cache that have this blob."""
        models = (path.parent.parent for path in self.root.glob(f"models--*/blobs/{digest}"))
        return [RepoCache(self.root, path.name[8:].replace("--", "/")) for path in models if path != self.folder]

    def take_from(self, other: RepoCache, digest: str) -> bool:
        """Make the blob here the same file as the other model's; False where the file system has no such links."""
        mine, temporary = self.blob(digest), self.blob(f"{digest}.{uuid.uuid4().hex[:8]}.link")
        mine.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(other.blob(digest), temporary)
            os.replace(temporary, mine)
        except OSError:
            temporary.unlink(missing_ok=True)
            return False
        temporary.unlink(missing_ok=True)  # replacing a link by another to the same file leaves both
        self.note_verified(digest)
        return True

    def _verified(self, digest: str) -> Path:
        return self.folder / ".modelyard" / "verified" / digest


def _stamp(path: Path) -> str:
    status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns}"


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    temporary.write_text(content, encoding="utf-8")
    temporary.replace(path)

"""What an entry of the model repository is on disk, and how one comes there: staged beside, published by a rename.

    model_repository/<name>/config.pbtxt
    model_repository/<name>/manifest.json
    model_repository/<name>/1/...            the version folder: weights, tokenizer, the checkpoint's own files

Knows paths and files; does not know what is in them.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from modelyard.errors import BadEntryName, EntryBusy, EntryExists, HostProblem

CONFIG_FILE = "config.pbtxt"
MANIFEST_FILE = "manifest.json"
VERSION = "1"

# Between a name and what makes its staging unique: in no name, and not "@", which libraries read as a revision.
_SEPARATOR = "+"
# Where an entry that is being replaced steps aside, on systems that cannot exchange two folders in one step.
_ASIDE = "replaced"
_AT_FDCWD = -100  # as in Linux's fcntl.h
_RENAME_EXCHANGE = 2  # as in Linux's fs.h
_LOCK_WAIT_S = 10.0  # a removal or a copy by links is done in that; a conversion is not
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def checked_name(name: str) -> str:
    """The name itself when it can be a folder of the repository and a Triton model name, else BadEntryName."""
    if not _NAME.fullmatch(name):
        raise BadEntryName(name)
    return name


@dataclass(frozen=True)
class Entry:
    """One folder of a model repository. It need not exist."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def config(self) -> Path:
        return self.folder / CONFIG_FILE

    @property
    def manifest(self) -> Path:
        return self.folder / MANIFEST_FILE

    @property
    def version_folder(self) -> Path:
        return self.folder / VERSION

    def exists(self) -> bool:
        return self.config.is_file()


def entry_at(repository: Path, name: str) -> Entry:
    return Entry(repository / checked_name(name))


def entries_in(repository: Path) -> list[Entry]:
    """Every entry of the repository, by name. A repository that is not there has none."""
    if not repository.is_dir():
        return []
    found = (Entry(folder) for folder in sorted(repository.iterdir()) if _NAME.fullmatch(folder.name))
    return [entry for entry in found if entry.exists()]


def staging_root(repository: Path) -> Path:
    """Where conversions write: beside the repository, on the same file system, and never seen by Triton."""
    resolved = repository.resolve()
    return resolved.parent / f".{resolved.name}-staging"


@contextlib.contextmanager
def staged(
    repository: Path, name: str, *, replace: bool = False, on_wait: Callable[[], None] | None = None
) -> Iterator[Entry]:
    """An empty folder to write an entry into; published into the repository when the block ends without an error.

    The block is given an `Entry` whose folder exists; the folder's parent is this staging's own, for whatever lies
    between. When the block raises, all of it is removed; when the process is killed, it stays in the staging root,
    where no server looks, and the next conversion of the same name clears it away. `on_wait` is called when another
    process is converting to this name and has to be waited for. Raises EntryExists when the entry is there and
    `replace` is not set.
    """
    target = entry_at(repository, name)
    if target.folder.exists() and not replace:
        raise EntryExists(name)
    root = staging_root(repository)
    repository.mkdir(parents=True, exist_ok=True)
    root.mkdir(parents=True, exist_ok=True)
    if root.stat().st_dev != repository.stat().st_dev:
        raise HostProblem(
            f"{root} and {repository} are on different file systems, so an entry could not be published in one step",
            hint="mount a common parent folder of both, or choose another repository",
        )
    # One conversion of a name at a time; what an earlier one that was killed left behind is cleared under the lock.
    with _locked(root / f"{name}.lock", on_wait):
        clear_leftovers(repository, name)
        if target.folder.exists() and not replace:
            raise EntryExists(name)
        folder = temporary_folder(repository, name) / name
        folder.mkdir()
        try:
            yield Entry(folder)
            _publish(folder, target.folder, replace=replace)
        finally:
            shutil.rmtree(folder.parent, ignore_errors=True)


@contextlib.contextmanager
def locked(repository: Path, name: str, *, timeout_s: float = _LOCK_WAIT_S) -> Iterator[None]:
    """Nobody else converts to this name, copies or removes it during the block; it may be read and served.

    Raises EntryBusy when somebody else keeps it for longer than `timeout_s`.
    """
    root = staging_root(repository)
    root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(root / f"{checked_name(name)}.lock")
    try:
        lock.acquire(timeout=timeout_s)
    except Timeout as error:
        raise EntryBusy(name) from error
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _locked(path: Path, on_wait: Callable[[], None] | None) -> Iterator[None]:
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if on_wait is not None:
            on_wait()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def temporary_folder(repository: Path, name: str) -> Path:
    """A new folder in the staging root for work on this name; taken for a leftover when the name's lock is free."""
    root = staging_root(repository)
    root.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f"{checked_name(name)}{_SEPARATOR}", dir=root))


def leftovers(repository: Path) -> dict[str, list[Path]]:
    """Folders in the staging root, by the name they were made for: in use while somebody holds the name's lock."""
    found: dict[str, list[Path]] = {}
    for path in sorted(staging_root(repository).glob(f"*{_SEPARATOR}*")):
        name = path.name.partition(_SEPARATOR)[0]
        if _NAME.fullmatch(name) and path.is_dir():
            found.setdefault(name, []).append(path)
    return found


def locks(repository: Path) -> list[str]:
    """The names that somebody has locked at some time. Locks of other things, as of config.json, lie beside them."""
    found = (path.stem for path in sorted(staging_root(repository).glob("*.lock")))
    return [name for name in found if _NAME.fullmatch(name)]


def clear_leftovers(repository: Path, name: str) -> None:
    """Remove what killed processes left behind of this name. Call it with the name's lock held."""
    root, target = staging_root(repository), repository / name
    for leftover in root.glob(f"{name}{_SEPARATOR}*"):
        aside = leftover / _ASIDE
        if aside.exists() and not target.exists():
            os.replace(aside, target)  # killed between the two renames: the old entry goes back
        shutil.rmtree(leftover, ignore_errors=True)


def _publish(folder: Path, target: Path, *, replace: bool) -> None:
    _sync_tree(folder)
    if not target.exists():
        os.replace(folder, target)
    elif not replace:
        raise EntryExists(target.name)
    elif not _exchange(folder, target):
        # rename(2) cannot replace a folder that has files in it: the old one steps aside first.
        aside = folder.parent / _ASIDE
        os.replace(target, aside)
        try:
            os.replace(folder, target)
        except OSError:
            os.replace(aside, target)
            raise
    _sync_one(target.parent)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one step, so that there is no moment without an entry; False where the system cannot."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):  # an old kernel, or a file system without it
        return False
    raise OSError(code, os.strerror(code), str(other))


def _sync_tree(folder: Path) -> None:
    """Force the entry to disk: a rename that survives a power cut must not point at files that did not."""
    for path in [folder, *folder.rglob("*")]:
        _sync_one(path)


def _sync_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

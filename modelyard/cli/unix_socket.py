"""The Unix socket that a gateway listens on, and how others find out whether somebody answers there.

A lock beside the socket says who owns it, and the kernel gives a lock back however its holder ends: what a gateway that
was killed left behind is replaced, and a living one's is not. Knows files and sockets; does not know HTTP.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from modelyard import user_folders
from modelyard.errors import HostProblem, InvalidInput, SocketTaken
from modelyard.settings import Settings

_LONGEST = 107  # bytes: sockaddr_un of Linux has 108, the last of them 0


def path_of(settings: Settings) -> Path | None:
    """Where the gateway of these settings listens besides its port; None when it does not."""
    if settings.socket is None:
        return user_folders.runtime() / "gateway.sock"
    return Path(settings.socket).expanduser().absolute() if settings.socket else None


@contextlib.contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """A bound socket that only this user can open, until the block ends.

    Raises SocketTaken when another program listens there, InvalidInput and HostProblem when nobody could.
    """
    _check_length(path)
    user_folders.made_private(path.parent) if path.parent == user_folders.runtime() else _make(path.parent)
    with _owned(path), contextlib.closing(_bind(path)) as listener:
        made = path.lstat()
        try:
            yield listener
        finally:
            with contextlib.suppress(OSError):
                if path.lstat().st_ino == made.st_ino:
                    path.unlink()


def is_answered(path: Path) -> bool:
    """Whether a program listens on the socket now."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def _check_length(path: Path) -> None:
    if (length := len(os.fsencode(path))) > _LONGEST:
        raise InvalidInput(
            f"the path of a Unix socket may have {_LONGEST} bytes, and {path} has {length}",
            hint="choose a shorter one with MODELYARD_SOCKET, or none: MODELYARD_SOCKET=",
        )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise HostProblem(f"the folder {folder} for the socket cannot be made: {error.strerror}") from error


@contextlib.contextmanager
def _owned(path: Path) -> Iterator[None]:
    """Nobody else who asks for this socket gets it during the block."""
    lock = path.with_name(f"{path.name}.lock")
    descriptor = _lock(lock, path)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            lock.unlink()
        os.close(descriptor)


def _lock(lock: Path, path: Path) -> int:
    while True:
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise HostProblem(f"cannot listen on {path}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The one before us removes the file at its end; a lock on a file without a name keeps nobody out.
            if os.fstat(descriptor).st_ino == lock.stat().st_ino:
                return descriptor
        except BlockingIOError as error:
            os.close(descriptor)
            raise SocketTaken(path) from error
        except FileNotFoundError:
            pass
        os.close(descriptor)


def _bind(path: Path) -> socket.socket:
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise HostProblem(f"{path} is there and is no socket", hint="choose another path for MODELYARD_SOCKET")
        if is_answered(path):
            raise SocketTaken(path)  # by a program that knows nothing of our lock
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)  # from its first moment on nobody else may open it
    try:
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        raise HostProblem(f"cannot listen on {path}: {error.strerror}") from error
    finally:
        os.umask(before)
    return listener

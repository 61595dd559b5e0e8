"""Where the files of this user lie: what lives as long as the login, what is state, what is theirs to keep.

Follows the XDG base directory specification, read when asked. Knows folders; does not know what is put into them.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from modelyard.errors import HostProblem

_NAME = "modelyard"


def runtime() -> Path:
    """For sockets: in the session's runtime directory, else a private folder under the temporary directory."""
    if (given := _given("XDG_RUNTIME_DIR")) is not None:
        return given / _NAME
    return Path(tempfile.gettempdir()) / f"{_NAME}-{os.getuid()}"


def state() -> Path:
    """For logs and notes that may be lost."""
    return (_given("XDG_STATE_HOME") or Path.home() / ".local/state") / _NAME


def data() -> Path:
    """For what the user has made."""
    return (_given("XDG_DATA_HOME") or Path.home() / ".local/share") / _NAME


def made_private(folder: Path) -> Path:
    """The folder, made if need be, for nobody else to enter. Raises HostProblem when it is somebody else's."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        # Anybody may make a folder of any name under the temporary directory.
        raise HostProblem(f"{folder} is not a folder of this user", hint="remove it, or set XDG_RUNTIME_DIR")
    if stat.S_IMODE(found.st_mode) & 0o077:
        folder.chmod(0o700)
    return folder


def private_file(path: Path) -> Path:
    """The file, made if need be, for nobody else to read."""
    made_private(path.parent)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    return path


def _given(variable: str) -> Path | None:
    """A path of the environment; the specification says that one that is not absolute is none."""
    value = Path(os.environ.get(variable, ""))
    return value if value.is_absolute() else None

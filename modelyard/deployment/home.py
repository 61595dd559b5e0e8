"""The deployment's home: the folder with the variables of compose, the key, the models and the state.

Knows files and their modes; does not know what runs. The key is readable inside its folder because the containers'
user must read it, and the folder is closed to everybody but the owner.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelyard.deployment.errors import DeploymentBusy
from modelyard.errors import HostProblem

API_KEY = "api_key"
_SECRET_BYTES = 32
_UNQUOTED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,@+=%")


@dataclass(frozen=True)
class Home:
    """Paths under one folder, and what is read from and written to them."""

    path: Path

    @property
    def env_file(self) -> Path:
        return self.path / "compose.env"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets"

    @property
    def api_key_file(self) -> Path:
        return self.secrets / API_KEY

    @property
    def data(self) -> Path:
        """What the converter is given: the models with room beside them, and nothing else of the home."""
        return self.path / "data"

    @property
    def models(self) -> Path:
        return self.data / "models"

    @property
    def cache(self) -> Path:
        """What the converter downloads, kept so that an update fetches only what is new."""
        return self.path / "cache"

    @property
    def state_file(self) -> Path:
        return self.path / "state.json"

    def make(self, owner: tuple[int, int] | None = None) -> None:
        """The folders, with the modes they must have. `owner`: the containers' user, when it is not this one."""
        self.path.mkdir(mode=0o755, parents=True, exist_ok=True)
        self.secrets.mkdir(mode=0o700, exist_ok=True)
        self.secrets.chmod(0o700)
        for folder in self._shared():
            folder.mkdir(mode=0o755, exist_ok=True)
            if owner is not None:
                os.chown(folder, *owner)

    def is_made(self, owner: tuple[int, int] | None = None) -> bool:
        shared = self._shared()
        if not all(folder.is_dir() for folder in (self.secrets, *shared)):
            return False
        owned = all(owner in (None, (found.st_uid, found.st_gid)) for found in (folder.stat() for folder in shared))
        return owned and self.secrets.stat().st_mode & 0o777 == 0o700

    def _shared(self) -> tuple[Path, ...]:
        return (self.data, self.models, self.cache)

    def make_secret(self, name: str = API_KEY) -> None:
        """A new random secret in a file of that name, unless there is one."""
        if not self.has_secret(name):
            _write(self.secrets / name, secrets.token_urlsafe(_SECRET_BYTES) + "\n", mode=0o444)

    def has_secret(self, name: str = API_KEY) -> bool:
        path = self.secrets / name
        return path.is_file() and path.stat().st_size > 0

    def key(self) -> str:
        """The bearer key. Raises HostProblem when there is none."""
        try:
            return self.api_key_file.read_text().strip()
        except OSError as error:
            raise HostProblem(
                f"the key cannot be read: {self.api_key_file}", hint="make it and the rest: modelyard up"
            ) from error

    def read_env(self) -> dict[str, str]:
        """The variables of compose; none when nothing was deployed."""
        if not self.env_file.is_file():
            return {}
        lines = (line.strip() for line in self.env_file.read_text().splitlines())
        pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
        return {name: value for name, _, value in pairs}

    def write_env(self, values: Mapping[str, str]) -> None:
        """All variables of compose, at once. Raises HostProblem for a value that an env file cannot carry."""
        for name, value in values.items():
            # The programs that read env files disagree about quotes, blanks and '$', so there are none.
            if not set(value) <= _UNQUOTED:
                raise HostProblem(
                    f"{name} is '{value}', which cannot be given to compose",
                    hint="use letters, digits and _ - . / : , @ + = % only; choose another folder with --home",
                )
        head = "# Written by `modelyard up`; change it with the options of that command.\n"
        _write(self.env_file, head + "".join(f"{name}={value}\n" for name, value in values.items()), mode=0o644)

    def read_state(self) -> dict[str, Any]:
        """What was deployed last; nothing when nothing was. Raises HostProblem when the file is not ours."""
        try:
            state = json.loads(self.state_file.read_text())
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise HostProblem(
                f"{self.state_file} is damaged", hint="remove it and run 'modelyard up' again; nothing else is lost"
            ) from error
        return dict(state)

    def write_state(self, state: Mapping[str, Any]) -> None:
        """The whole state, at once: the earlier one or this one is there at any moment."""
        _write(self.state_file, json.dumps(dict(state), indent=2) + "\n", mode=0o644)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else changes this deployment meanwhile. Raises DeploymentBusy when somebody does."""
        from filelock import FileLock, Timeout

        self.path.mkdir(mode=0o755, parents=True, exist_ok=True)
        lock = FileLock(self.path / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout as error:
            raise DeploymentBusy(self.path) from error
        try:
            yield
        finally:
            lock.release()


def find_home(given: Path | None, configured: Path | None) -> Home:
    """The folder that was typed, else that of the setting, else the one among the user's data."""
    from modelyard import user_folders

    return Home((given or configured or user_folders.data() / "deploy").expanduser().absolute())


def _write(path: Path, content: str, *, mode: int) -> None:
    """The file appears by one rename, with its mode, so that nobody reads half of it."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
            os.fchmod(descriptor, mode)
        Path(name).rename(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

"""What a deployment is to be: every choice of `modelyard up`, complete before the first change.

Knows the variables of compose and the record in `state.json`; does nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import modelyard
from modelyard.deployment import compose, images, model_list
from modelyard.deployment.home import API_KEY, Home
from modelyard.deployment.model_list import ModelWish
from modelyard.deployment.profile import Profile
from modelyard.errors import FieldRefused, InvalidInput

if TYPE_CHECKING:
    from modelyard.settings import Settings

# What may be added, and the secrets that it needs.
EXTRAS = {"monitoring": "grafana_password", "webui": "webui_secret_key"}
CONTAINER_USER = (10001, 10001)  # of the images, for a deployment by root
_FOR_THE_REST = 2 * 2**30  # bytes: the host, the gateways, the balancer
_LEAST = 1 * 2**30
_LOOPBACK = "127.0.0.1"
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared with, not listened on


@dataclass(frozen=True)
class Options:
    """What is remembered from one `modelyard up` to the next, and may be changed by any."""

    profile: Profile = "cpu"
    gateways: int = 1
    tritons: int = 1
    bind: str = _LOOPBACK
    port: int = 11434
    extras: tuple[str, ...] = ()
    models_file: str | None = None
    triton_memory: str | None = None

    @property
    def url(self) -> str:
        """Where this host asks the gateway."""
        host = _LOOPBACK if self.bind in _EVERYWHERE else self.bind
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def changed(self, **typed: Any) -> Options:
        """With what was typed now; None leaves what there is."""
        given = {name: value for name, value in typed.items() if value is not None}
        if unknown := set(given.get("extras", ())) - set(EXTRAS):
            raise FieldRefused("--with", f"'{sorted(unknown)[0]}' is none of {', '.join(EXTRAS)}")
        return replace(self, **given)


@dataclass(frozen=True)
class Identity:
    """What tells one deployment from another: its compose project, and the images it runs."""

    project: str
    version: str
    image_prefix: str


@dataclass(frozen=True)
class Deployment:
    """All of it: the options, the images, the models and whom the containers run as."""

    identity: Identity
    options: Options
    models: tuple[ModelWish, ...]
    user: tuple[int, int]
    render_gid: int | None
    memory: int  # bytes of the engine's host

    @property
    def files(self) -> list[str]:
        scaled = self.options.gateways > 1 or self.options.tritons > 1
        return compose.file_names(self.options.profile, extras=self.options.extras, scaled=scaled)

    @property
    def secrets(self) -> list[str]:
        """Names of the files with secrets that are made."""
        return [API_KEY, *(EXTRAS[extra] for extra in self.options.extras)]

    def variables(self, home: Home) -> dict[str, str]:
        """The variables of the compose files; others that the owner of the home has added stay."""
        uid, gid = self.user
        before = home.read_env()
        values = {
            **before,
            "MODELYARD_IMAGE_PREFIX": self.identity.image_prefix,
            "MODELYARD_VERSION": self.identity.version,
            # An upgrade leaves the balancer as it is.
            "MODELYARD_BALANCER_VERSION": before.get("MODELYARD_BALANCER_VERSION", self.identity.version),
            "MODELYARD_USER": f"{uid}:{gid}",
            "MODELYARD_BIND": self.options.bind,
            "MODELYARD_PORT": str(self.options.port),
            "MODELYARD_MODELS_DIR": str(home.models),
            "MODELYARD_SECRETS_DIR": str(home.secrets),
            "MODELYARD_MODELS": ",".join(model_list.pinned(self.models)),
            "MODELYARD_TRITON_MEMORY": self.options.triton_memory or self._triton_memory(),
            "MODELYARD_GATEWAYS": str(self.options.gateways),
            "MODELYARD_TRITONS": str(self.options.tritons),
        }
        if self.render_gid is not None:
            values["MODELYARD_RENDER_GID"] = str(self.render_gid)
        return values

    def _triton_memory(self) -> str:
        """What the host has, less something for the rest, for each Triton alike."""
        share = max(_LEAST, (self.memory - _FOR_THE_REST) // self.options.tritons)
        return f"{share // 2**20}m"

    def state(self, earlier: Mapping[str, Any]) -> dict[str, Any]:
        """The record of this deployment; what other commands and the models' steps wrote in it stays."""
        before = earlier.get("version")
        previous = earlier.get("previous") if before in (None, self.identity.version) else before
        return {
            **earlier,
            "version": self.identity.version,
            "previous": previous,
            "image_prefix": self.identity.image_prefix,
            "project": self.identity.project,
            "files": self.files,
            "options": {**asdict(self.options), "extras": list(self.options.extras)},
        }


def options_of(state: Mapping[str, Any]) -> Options | None:
    """The options of the last deployment; None when there was none."""
    kept = state.get("options")
    if not isinstance(kept, dict):
        return None
    known = {field.name for field in fields(Options)}
    values = {name: value for name, value in kept.items() if name in known}
    return Options(**{**values, "extras": tuple(values.get("extras", ()))})


def identity(settings: Settings, state: Mapping[str, Any]) -> Identity:
    """What is set, else what was deployed last, else this command's own.

    So `modelyard up` by a newer command repeats the older version: `modelyard upgrade` changes it.
    """

    def chosen(name: str, own: str) -> str:
        value = getattr(settings, name)
        return str(value if name in settings.model_fields_set and value else state.get(name) or value or own)

    return Identity(
        project=chosen("project", compose.PROJECT),
        version=chosen("version", modelyard.__version__),
        image_prefix=chosen("image_prefix", images.DEFAULT_PREFIX),
    )


def containers_user(uid: int, gid: int, *, rootless: bool) -> tuple[int, int]:
    """Whom the containers run as, so that the files of the home have one owner.

    A rootless engine maps its container's root to the user who runs it, and nobody else to anybody on this host.
    """
    if rootless:
        return (0, 0)
    return CONTAINER_USER if uid == 0 else (uid, gid)


def owner_to_set(user: tuple[int, int]) -> tuple[int, int] | None:
    """Whom the home's shared files are given to; None where whoever makes them is that user already."""
    return user if os.getuid() == 0 and user != (0, 0) else None


def models_file(options: Options, folder: Path) -> Path:
    """The file that was named, else the one beside the compose files."""
    if options.models_file is not None:
        return Path(options.models_file)
    path = folder / model_list.NAME
    if not path.is_file():
        raise InvalidInput(f"there is no {path}", hint="name the file that lists the models: --models FILE")
    return path

"""`models.toml`: the models that a deployment is to have, each a table `[[model]]`.

Knows the file and how a wish becomes the arguments of `modelyard convert`; does not know what is installed.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from modelyard.deployment.profile import DEVICE, Profile
from modelyard.entry import checked_name
from modelyard.errors import FieldRefused, InvalidInput
from modelyard.gpus import Gpu

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAME = "models.toml"
_TARGETS_OF_CUDA = ("triton-vllm", "triton-diffusers")
_TARGETS_OF_OPENVINO = ("triton-openvino", "triton-llamacpp")
ARCHIVE = ".tar"  # what `modelyard export` writes
_MOUNTED = "/source"  # where the converter finds a source of this host


@dataclass(frozen=True)
class ModelWish:
    """One model. `folder` is the place of a source on this host: a checkpoint, a GGUF file or an exported archive.

    The other fields are those of `modelyard convert`; a field that is None is left to it.
    """

    name: str
    source: str
    precision: str | None = None
    target: str | None = None
    device: str | None = None
    task: str | None = None
    revision: str | None = None
    file: str | None = None
    context: int | None = None
    pinned: bool = False
    folder: Path | None = None

    @property
    def is_archive(self) -> bool:
        return self.folder is not None and self.folder.name.endswith(ARCHIVE)

    def record(self, profile: Profile, gpus: Sequence[Gpu] = ()) -> dict[str, Any]:
        """What decides whether the entry must be made again: the arguments, and the state of a source on this host."""
        return {
            "source": self.source,
            "arguments": self.arguments(profile, gpus),
            "stamp": _stamp(self.folder) if self.folder is not None else None,
        }

    def arguments(self, profile: Profile, gpus: Sequence[Gpu] = ()) -> list[str]:
        """The arguments of `modelyard`, as it is run in the converter's container."""
        if self.is_archive:
            return ["import", self.mounted, "--name", self.name, "--force"]
        options: dict[str, str | int | None] = {
            "--precision": self.precision,
            "--target": self.target,
            "--task": self.task,
            "--revision": self.revision,
            "--file": self.file,
            "--context": self.context,
        }
        if profile == "cuda" and self.target is None and gpus:
            # The converter's container has no GPU: it is told of them, and vLLM takes the weights as they are.
            options |= {"--precision": None, "--gpus": _in_words(gpus)}
        else:
            options["--device"] = self.device or DEVICE[profile]
        given = [word for name, value in options.items() if value is not None for word in (name, str(value))]
        return ["convert", self.mounted, "--name", self.name, *given, "--update", "--progress", "json"]

    @property
    def mounted(self) -> str:
        """The source as the container sees it."""
        return self.source if self.folder is None else f"{_MOUNTED}/{self.folder.name}"


def read_models(path: Path) -> tuple[ModelWish, ...]:
    """The models of the file, in its order. Raises InvalidInput, which names the place."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InvalidInput(f"there is no {path}", hint="name the file that lists the models: --models FILE") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} is not TOML: {error}") from error
    tables = content.pop("model", [])
    if content or not isinstance(tables, list):
        raise InvalidInput(f"{path} has only tables [[model]]; what is '{next(iter(content), 'model')}'?")
    wishes = tuple(_wish(table, path) for table in tables)
    names = [wish.name for wish in wishes]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InvalidInput(f"{path} has the model '{twice}' twice")
    return wishes


def _wish(table: Any, path: Path) -> ModelWish:
    known = {field.name: field for field in fields(ModelWish) if field.name != "folder"}
    if not isinstance(table, dict):
        raise InvalidInput(f"{path} has only tables [[model]]")
    for name, value in table.items():
        if name not in known:
            raise FieldRefused(name, f"{path} knows {', '.join(known)}")
        kind = bool if name == "pinned" else int if name == "context" else str
        if type(value) is not kind:
            raise FieldRefused(name, f"in {path} it is {'true or false' if kind is bool else kind.__name__}")
    for name in ("name", "source"):
        if not table.get(name):
            raise InvalidInput(f"a table [[model]] in {path} has no '{name}'", field=name)
    checked_name(table["name"])
    return ModelWish(**table, folder=_on_this_host(table["source"], path))


def _on_this_host(source: str, path: Path) -> Path | None:
    """A source that is a path is meant from the file's folder; whatever is not there is an id of the hub."""
    place = path.absolute().parent / Path(source).expanduser()
    if place.exists():
        return place.resolve()
    if source.startswith((".", "/", "~")) or source.endswith(ARCHIVE):
        raise InvalidInput(f"{path} names {source}, and there is no {place}", field="source")
    return None


def _in_words(gpus: Sequence[Gpu]) -> str:
    first = gpus[0]
    capability = ".".join(map(str, first.compute_capability))
    return f"{len(gpus)}x{min(gpu.memory for gpu in gpus) // 10**9}GB:{capability}"


def _stamp(place: Path) -> str:
    """Changes with the files of a source: their names, sizes and times."""
    files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for file in files:
        found = file.stat()
        digest.update(f"{file.relative_to(place.parent)}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def require_servable(wishes: Sequence[ModelWish], profile: Profile) -> None:
    """Raises FieldRefused for a target that the Triton of this profile has no backend for."""
    targets = _TARGETS_OF_CUDA if profile == "cuda" else _TARGETS_OF_OPENVINO
    for wish in wishes:
        if wish.target not in (None, *targets):
            words = f"{wish.name} wants {wish.target}; the profile {profile} serves {', '.join(targets)}"
            raise FieldRefused("target", words)


def pinned(wishes: Sequence[ModelWish]) -> list[str]:
    return [wish.name for wish in wishes if wish.pinned]


def as_made(state: Mapping[str, Any], name: str) -> Any:
    """The record of the model in a deployment's state, or None."""
    return state.get("models", {}).get(name)

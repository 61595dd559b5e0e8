"""Where a checkpoint comes from: a folder here or a model of the hub, brought to one form, `Checkpoint`.

Decides which files are needed and what their revision is; does not judge whether they can be converted.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from converters import hub
from modelyard.errors import SourceUnavailable
from modelyard.manifest import Source, sha256_of

_HUB_ID = re.compile(r"[\w][\w.-]*(/[\w][\w.-]*)?")
SAFETENSORS = re.compile(r"model(-\d+-of-\d+)?\.safetensors|model\.safetensors\.index\.json")
PICKLES = re.compile(r"pytorch_model(-\d+-of-\d+)?\.bin|pytorch_model\.bin\.index\.json")
_TEXTS = re.compile(r"[\w.-]+\.(json|jinja|txt|model|tiktoken)")
# Words about the model and lists that other programs keep beside it: they change nothing in what is converted.
_NOT_NEEDED = re.compile(r"(README|LICENSE|NOTICE|requirements|trainer_state|(training|all|eval)_\w+).*", re.IGNORECASE)


@dataclass(frozen=True)
class Checkpoint:
    """A folder in the Hugging Face form. `files` are the names in it that a conversion reads.

    `config` is config.json, empty where there is none that can be read.
    """

    folder: Path
    source: Source
    files: tuple[str, ...]
    config: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def weights(self) -> tuple[str, ...]:
        """The weight files by name, index included."""
        return tuple(name for name in self.files if SAFETENSORS.fullmatch(name) or PICKLES.fullmatch(name))

    def read_json(self, name: str) -> dict[str, Any]:
        """A JSON object of the checkpoint, empty where there is none that can be read."""
        try:
            content = json.loads((self.folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}


def open_checkpoint(
    location: str, *, revision: str | None = None, with_code: bool = False, known: Source | None = None
) -> Checkpoint:
    """The checkpoint at a folder's path or under a hub id, fetched where need be.

    `with_code` also takes its Python files. `known` is what an earlier conversion recorded: a folder whose names,
    sizes and times are unchanged since then is not read again to find its revision. Raises SourceUnavailable.
    """
    path = Path(location).expanduser()
    if path.is_dir():
        if revision is not None:
            raise SourceUnavailable(f"{location} is a folder and has no revisions", hint="leave out --revision")
        return _open_folder(path, location, with_code=with_code, known=known)
    if path.exists():
        raise SourceUnavailable(f"{location} is a file", hint="give the folder that holds config.json and the weights")
    if not is_hub_id(location):
        raise SourceUnavailable(f"there is no folder {location}, and it is not a hub id (organisation/model) either")
    choose = partial(needed, with_code=with_code)
    folder, commit, files = hub.fetch(location, revision=revision, choose=choose)
    return _checkpoint(folder, Source("hub", location, commit), files)


def is_hub_id(location: str) -> bool:
    return _HUB_ID.fullmatch(location) is not None


def needed(names: Iterable[str], *, with_code: bool) -> tuple[str, ...]:
    """The files of a checkpoint that a conversion reads. Pickled weights only where there are no safetensors."""
    top = [name for name in names if "/" not in name]
    kinds = [SAFETENSORS] if any(SAFETENSORS.fullmatch(name) for name in top) else [PICKLES]
    texts = {name for name in top if _TEXTS.fullmatch(name) and not _NOT_NEEDED.fullmatch(name)}
    texts -= {name for name in texts if name.endswith((".safetensors.index.json", ".bin.index.json"))}
    weights = {name for name in top if any(kind.fullmatch(name) for kind in kinds)}
    code = {name for name in top if name.endswith(".py")} if with_code else set()
    return tuple(sorted(texts | weights | code))


def _open_folder(folder: Path, location: str, *, with_code: bool, known: Source | None) -> Checkpoint:
    try:
        files = needed((path.name for path in folder.iterdir() if path.is_file()), with_code=with_code)
        stamp = _stamp(folder, files)
        unchanged = known is not None and known.kind == "folder" and known.stamp == stamp
        revision = known.revision if known is not None and unchanged else _revision(folder, files)
    except OSError as error:
        raise SourceUnavailable(f"{location} cannot be read: {error.strerror or error}") from error
    return _checkpoint(folder, Source("folder", location, revision, stamp), files)


def _checkpoint(folder: Path, source: Source, files: tuple[str, ...]) -> Checkpoint:
    bare = Checkpoint(folder, source, files)
    return Checkpoint(folder, source, files, bare.read_json("config.json"))


def _revision(folder: Path, files: Iterable[str]) -> str:
    """A name for exactly these contents, wherever the folder lies."""
    digest = hashlib.sha256()
    for name in files:
        digest.update(f"{name}\0{sha256_of(folder / name)}\n".encode())
    return f"sha256:{digest.hexdigest()}"


def _stamp(folder: Path, files: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for name in files:
        status = (folder / name).stat()
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()

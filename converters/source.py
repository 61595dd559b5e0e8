"""Where a checkpoint comes from: a folder or file here, or a model of the hub, brought to one form, `Checkpoint`.

Decides what kind of thing it is, which of its files are needed and what its revision is; does not judge whether it can
be converted.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from converters.forms import PICKLES, SAFETENSORS, Form, form_of, needed
from modelyard.errors import SourceUnavailable
from modelyard.manifest import Source, sha256_of
from modelyard.settings import Settings

if TYPE_CHECKING:
    from converters.hub.access import Hub
    from converters.hub.listing import Listing

# What people paste: a page's address, Ollama's short form of it, or the bare id; a tag picks a GGUF file.
_PREFIX = re.compile(r"(https?://)?(www\.)?(hf\.co|huggingface\.co)/|hf://(models/)?")
_HUB_ID = re.compile(r"(?P<id>[\w][\w.-]*(/[\w][\w.-]*)?)(:(?P<tag>[\w.-]+))?/?")


@dataclass(frozen=True)
class Checkpoint:
    """A folder with a model in it. `files` are the names in it that a conversion reads, as paths below it.

    `config` is config.json (model_index.json of a Diffusers pipeline), empty where there is none that can be read. A
    folder's `source` has no revision until its files were read, see `identity`.
    """

    folder: Path
    source: Source
    files: tuple[str, ...]
    config: Mapping[str, Any] = field(default_factory=dict)
    form: Form = "transformers"

    @cached_property
    def identity(self) -> Source:
        """The source with its revision. A folder is read for it whole, at about a gigabyte a second.

        Raises SourceUnavailable.
        """
        if self.source.revision:
            return self.source
        try:
            return replace(self.source, revision=digest_of(self.folder, self.files))
        except OSError as error:
            raise _unreadable(self.source.location, error) from error

    @cached_property
    def weights(self) -> tuple[str, ...]:
        """The weight files of a transformers checkpoint by name, index included."""
        return tuple(name for name in self.files if SAFETENSORS.fullmatch(name) or PICKLES.fullmatch(name))

    @property
    def text_config(self) -> Mapping[str, Any]:
        """What config.json says of the language model, which one that sees or hears too keeps in a part of its own."""
        nested = self.config.get("text_config")
        return nested if isinstance(nested, dict) else self.config

    @property
    def gguf(self) -> Path:
        """The GGUF file, the first of them when it is split."""
        return self.folder / next(name for name in self.files if name.endswith(".gguf"))

    def read_json(self, name: str) -> dict[str, Any]:
        """A JSON object of the checkpoint, empty where there is none that can be read."""
        try:
            content = json.loads((self.folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return content if isinstance(content, dict) else {}


@dataclass(frozen=True)
class HubId:
    """A model of the hub; `tag` names a quantization of its GGUF files, as Ollama has it."""

    model: str
    tag: str | None = None


# Told of a checkpoint of stand-ins with true sizes and headers, and how many bytes are to be fetched.
Look = Callable[[Checkpoint, int], None]


def open_checkpoint(
    location: str,
    *,
    revision: str | None = None,
    file: str | None = None,
    with_code: bool = False,
    known: Source | None = None,
    settings: Settings | None = None,
    look: Look | None = None,
    on_progress: Any = None,
) -> Checkpoint:
    """The checkpoint at a folder's or a GGUF file's path or under a hub id, fetched where need be.

    `file` names one GGUF file of several, `with_code` also takes the checkpoint's Python files. `known` is what an
    earlier conversion recorded: a folder whose names, sizes and times are unchanged since then has its revision. `look`
    may refuse what is about to be fetched, `on_progress` is told how that goes. Raises SourceUnavailable.
    """
    path = Path(location).expanduser()
    if path.exists():
        if revision is not None:
            what = "a folder" if path.is_dir() else "a file"
            raise SourceUnavailable(f"{location} is {what} and has no revisions", hint="leave out --revision")
        if path.is_dir():
            return _open_folder(path, location, file=file, with_code=with_code, known=known)
        if path.suffix == ".gguf":
            return _open_folder(path.parent, location, file=path.name, with_code=False, known=known)
        raise SourceUnavailable(
            f"{location} is a file, and no GGUF file",
            hint="give a .gguf file, or the folder that holds config.json and the weights",
        )
    wanted = hub_id(location)
    if wanted is None or Path(location).suffix == ".gguf":
        raise SourceUnavailable(
            f"there is no folder or file {location} here, and it is not a hub id (organisation/model) either"
        )
    from converters.hub.access import Hub
    from converters.hub.fetch import fetch

    choose = partial(needed, with_code=with_code, file=file, tag=wanted.tag)
    hub = Hub.of(settings or Settings())
    before = partial(_look_before, hub, wanted.model, location, look) if look is not None else None
    folder, commit, files = fetch(
        hub, wanted.model, revision=revision, choose=choose, look=before, on_progress=on_progress
    )
    return _checkpoint(folder, Source("hub", location, commit), files)


def _look_before(
    hub: Hub, model: str, location: str, look: Look, listing: Listing, names: tuple[str, ...], size: int
) -> None:
    from converters.hub.preview import write_stand_ins

    with tempfile.TemporaryDirectory(prefix="modelyard-look-") as scratch:
        write_stand_ins(hub, model, listing, names, Path(scratch))
        look(_checkpoint(Path(scratch), Source("hub", location, listing.commit), names), size)


def hub_id(location: str) -> HubId | None:
    """The hub id in what somebody typed or pasted; None when it cannot be one."""
    found = _HUB_ID.fullmatch(_PREFIX.sub("", location, count=1) if _PREFIX.match(location) else location)
    return HubId(found["id"], found["tag"]) if found else None


def is_hub_id(location: str) -> bool:
    return hub_id(location) is not None


def default_name(location: str, file: str | None = None) -> str:
    """A name for the entry: the last part of a folder's path, of a file without its ending, or of a hub id."""
    path = Path(location).expanduser()
    if path.is_dir():
        return path.resolve().name
    if path.suffix == ".gguf":
        return path.stem
    wanted = hub_id(location)
    if wanted is None:
        return path.name
    name = wanted.model.rpartition("/")[2]
    if file is not None:
        return PurePosixPath(file).stem
    return f"{name}-{wanted.tag}" if wanted.tag else name


def _open_folder(folder: Path, location: str, *, file: str | None, with_code: bool, known: Source | None) -> Checkpoint:
    try:
        names = [found.relative_to(folder).as_posix() for found in _files_below(folder)]
        files = needed(names, with_code=with_code, file=file)
        stamp = _stamp(folder, files)
    except OSError as error:
        raise _unreadable(location, error) from error
    unchanged = known is not None and known.kind == "folder" and known.stamp == stamp
    revision = known.revision if known is not None and unchanged else ""
    return _checkpoint(folder, Source("folder", location, revision, stamp), files)


def _unreadable(location: str, error: OSError) -> SourceUnavailable:
    return SourceUnavailable(f"{location} cannot be read: {error.strerror or error}")


def _files_below(folder: Path) -> Iterable[Path]:
    """The files of a folder and of the folders in it; deeper ones and hidden ones hold nothing of a model."""
    for found in sorted(folder.iterdir()):
        if found.name.startswith("."):
            continue
        if found.is_file():
            yield found
        elif found.is_dir():
            yield from (inner for inner in sorted(found.iterdir()) if inner.is_file())


def _checkpoint(folder: Path, source: Source, files: tuple[str, ...]) -> Checkpoint:
    form = form_of(files)
    bare = Checkpoint(folder, source, files, form=form)
    config = bare.read_json("config.json") or bare.read_json("model_index.json")
    return Checkpoint(folder, source, files, config, form)


def contents_of(folder: Path) -> str:
    """A name for exactly what a conversion reads of a folder."""
    return digest_of(folder, needed(found.relative_to(folder).as_posix() for found in _files_below(folder)))


def digest_of(folder: Path, files: Iterable[str]) -> str:
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

"""A checkpoint as a plan needs it: sizes, configurations and headers, with nothing fetched and nothing hashed.

What it gives has no revision to be relied on, so nothing is converted from it. Decides what kind of thing a location
is as `source` does.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from converters.forms import form_of, needed
from converters.source import Checkpoint, hub_id
from modelyard.errors import SourceUnavailable
from modelyard.manifest import Source
from modelyard.settings import Settings


def glance(
    location: str,
    scratch: Path,
    *,
    settings: Settings,
    revision: str | None = None,
    file: str | None = None,
    with_code: bool = False,
) -> Checkpoint:
    """The checkpoint; of a hub id stand-ins are written into `scratch`. Raises SourceUnavailable."""
    path = Path(location).expanduser()
    if path.is_dir():
        try:
            names = [found.relative_to(path).as_posix() for found in sorted(path.glob("*")) if found.is_file()]
            names += [found.relative_to(path).as_posix() for found in sorted(path.glob("*/*")) if found.is_file()]
        except OSError as error:
            raise SourceUnavailable(f"{location} cannot be read: {error.strerror or error}") from error
        shown = [name for name in names if not name.startswith(".")]
        return _checkpoint(path, Source("folder", location, ""), needed(shown, with_code=with_code, file=file))
    if path.is_file() and path.suffix == ".gguf":
        names = [found.name for found in sorted(path.parent.glob("*.gguf"))]
        return _checkpoint(path.parent, Source("folder", location, ""), needed(names, file=path.name))
    wanted = hub_id(location)
    if wanted is None or path.exists() or path.suffix == ".gguf":
        raise SourceUnavailable(f"{location} is neither a folder or a GGUF file here nor a hub id (organisation/model)")
    from converters.hub.access import Hub
    from converters.hub.preview import preview

    choose = partial(needed, with_code=with_code, file=file, tag=wanted.tag)
    commit, files = preview(Hub.of(settings), wanted.model, scratch, revision=revision, choose=choose)
    return _checkpoint(scratch, Source("hub", location, commit), files)


def _checkpoint(folder: Path, source: Source, files: tuple[str, ...]) -> Checkpoint:
    bare = Checkpoint(folder, source, files, form=form_of(files))
    return replace(bare, config=bare.read_json("config.json") or bare.read_json("model_index.json"))

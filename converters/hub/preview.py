"""A model of the hub as a folder of stand-ins: its configurations, the headers of its weights, and holes for the rest.

Every weight file has its true size and its true header, so that whatever reads only headers reads it like the real one,
and takes next to no room or time. Knows formats' headers by their place only; converts nothing.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from converters.gguf import read_header
from converters.hub.access import GO_ONLINE, Hub
from converters.hub.listing import Listing, RemoteFile, list_files
from converters.hub.ranges import read_range
from modelyard.errors import BadCheckpoint, SourceUnavailable

_MOST_TEXT = 4 * 2**20  # bytes of a configuration
_MOST_HEADER = 100 * 2**20  # bytes; safetensors' own limit
# A vocabulary lies between the figures of a GGUF header and its tensors: 4 to 10 MB as a rule.
_GGUF_HEADERS = (2**20, 2**23, 2**25, 2**27)
# Where a zip archive, as PyTorch's pickles are, has its directory, and how much lies between a member's place and it.
_TAILS = (2**18, 2**22, 2**25)
_MEMBER = 2**12
# Large, and only looked at for being there.
_TOKENIZER = b'{"model": {}}'

Read = Callable[[int, int], bytes]


def preview(
    hub: Hub,
    model: str,
    folder: Path,
    *,
    revision: str | None = None,
    choose: Callable[[Iterable[str]], tuple[str, ...]],
) -> tuple[str, tuple[str, ...]]:
    """Write stand-ins of what `choose` picks into the folder; the commit and the names. Raises SourceUnavailable."""
    listing = list_files(hub, model, revision=revision)
    names = choose(listing.names)
    write_stand_ins(hub, model, listing, names, folder)
    return listing.commit, names


def write_stand_ins(hub: Hub, model: str, listing: Listing, names: Iterable[str], folder: Path) -> None:
    """The same of a commit whose files are known already. Raises SourceUnavailable."""
    for name in names:
        file = listing.file(name)
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if file is not None:
            _stand_in(file, place, partial(_read, hub, model, name, listing.commit))


def _read(hub: Hub, model: str, name: str, commit: str, start: int, end: int) -> bytes:
    return read_range(hub, model, name, start, end, commit=commit)


def _stand_in(file: RemoteFile, place: Path, read: Read) -> None:
    if file.size is None:
        raise SourceUnavailable(f"the size of {file.name} is known to the hub only", hint=GO_ONLINE)
    if file.name.endswith(".safetensors"):
        length = int.from_bytes(read(0, 8), "little")
        _write(place, file.size, read(0, min(8 + length, _MOST_HEADER, file.size)))
    elif file.name.endswith(".gguf"):
        _gguf(place, file.size, read)
    elif file.name.endswith("tokenizer.json"):
        place.write_bytes(_TOKENIZER)
    elif file.size <= _MOST_TEXT or file.name.endswith((".json", ".xml")):
        # However long: an index names all shards, a network all of its layers.
        _write(place, file.size, read(0, min(file.size, _MOST_HEADER)))
    elif file.name.endswith(".bin"):
        _archive(place, file.size, read)
    else:
        _write(place, file.size, b"")


def _archive(place: Path, size: int, read: Read) -> None:
    """The directory and the list of tensors of a pickle; of other files of that name some bytes."""
    beginning = read(0, 64)  # tells what it is where it is no archive
    for length in _TAILS:
        start = max(0, size - length)
        _write(place, size, beginning, start, read(start, size))
        if not zipfile.is_zipfile(place):
            return
        try:
            with zipfile.ZipFile(place) as archive:
                lists = [member for member in archive.infolist() if member.filename.endswith("/data.pkl")]
        except zipfile.BadZipFile:
            continue  # the directory begins earlier
        with place.open("r+b") as out:
            for member in lists:
                end = member.header_offset + _MEMBER + min(member.compress_size, _MOST_HEADER)
                out.seek(member.header_offset)
                out.write(read(member.header_offset, min(end, size)))
        return


def _gguf(place: Path, size: int, read: Read) -> None:
    for length in _GGUF_HEADERS:
        _write(place, size, read(0, min(length, size)))
        try:
            read_header(place)
        except BadCheckpoint:
            if length < size:
                continue
        return


def _write(place: Path, size: int, head: bytes, offset: int = 0, rest: bytes = b"") -> None:
    with place.open("wb") as out:
        out.write(head)
        out.truncate(size)  # a hole: no room is taken
        out.seek(offset)
        out.write(rest)

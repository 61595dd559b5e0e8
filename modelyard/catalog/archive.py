"""The archive of an entry: a plain tar that begins with an index, for hosts that no network reaches.

    modelyard-entry          a line "modelyard-entry 1 <SHA-256 of the rest>", then JSON: name, manifest, files
    <name>/<path> ...        the files, in the order of the index, with the sizes that it says

Not compressed, since weights do not compress. `tar` lists and unpacks it too. Knows the format, both ways, and what
is refused in it; does not know the repository.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from modelyard.catalog.integrity import is_safe
from modelyard.entry import CONFIG_FILE, MANIFEST_FILE, checked_name
from modelyard.errors import ArchiveDamaged, BadEntryName
from modelyard.manifest import SCHEMA_VERSION, FileRecord, Manifest, from_json

INDEX = "modelyard-entry"
BLOCK = tarfile.BLOCKSIZE
_FORMAT = 1
_MAX_INDEX = 64 * 2**20  # bytes: a chat template and half a million files
_MAX_FILES = 100_000
_MAX_NAME = 2048  # bytes of a member's name, more than `is_safe` and a model's name allow
_UPDATE = "update Modelyard on this host"


@dataclass(frozen=True)
class Index:
    """What an archive says of itself. `files` holds config.pbtxt and all else, but not the manifest."""

    name: str
    manifest: Manifest | None
    files: Mapping[str, FileRecord]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(record.size for record in self.files.values())

    def to_bytes(self, manifest: bytes | None) -> bytes:
        """`manifest` is the entry's own file, whole."""
        content = {
            "name": self.name,
            "manifest": json.loads(manifest) if manifest is not None else None,
            "files": {path: asdict(record) for path, record in self.files.items()},
        }
        text = json.dumps(content, indent=1).encode()
        return f"{INDEX} {_FORMAT} {hashlib.sha256(text).hexdigest()}\n".encode() + text


def read_index(stream: BinaryIO, source: str) -> Index:
    """The index, checked against all that an archive must not be. `source` names the archive in errors."""
    member = read_header(stream, source)
    if member is None or member.name != INDEX:
        raise ArchiveDamaged(source, "it is not an archive of a model", hint="'modelyard export' makes one")
    if member.size > _MAX_INDEX:
        raise ArchiveDamaged(source, f"its index has {member.size} bytes")
    text = read_exactly(stream, member.size, source)
    read_exactly(stream, padding(member.size), source)
    head, _, body = text.partition(b"\n")
    words = head.split(b" ")
    if words[:1] != [INDEX.encode()] or len(words) != 3:
        raise ArchiveDamaged(source, "its index cannot be read")
    if words[1] != str(_FORMAT).encode():
        raise ArchiveDamaged(source, "a later Modelyard made it", hint=_UPDATE)
    if words[2] != hashlib.sha256(body).hexdigest().encode():
        raise ArchiveDamaged(source, "its index is not what was written")
    try:
        return _checked(json.loads(body), source)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ArchiveDamaged(source, f"its index cannot be read: {type(error).__name__}") from error


def _checked(content: Any, source: str) -> Index:
    try:
        name = checked_name(content["name"])
    except BadEntryName as error:
        raise ArchiveDamaged(source, str(error)) from error
    raw = content["files"]
    if len(raw) > _MAX_FILES:
        raise ArchiveDamaged(source, f"it has {len(raw)} files")
    files = {}
    for path, about in raw.items():
        if not is_safe(path) or path == MANIFEST_FILE:
            raise ArchiveDamaged(source, f"it has a file {path!r}, which cannot be in a model")
        size, digest = about["size"], about["sha256"]
        if type(size) is not int or size < 0 or not isinstance(digest, str):
            raise ArchiveDamaged(source, f"its index is wrong about {path}")
        files[path] = FileRecord(size, digest)
    if CONFIG_FILE not in files:
        raise ArchiveDamaged(source, f"it has no {CONFIG_FILE}")
    folders = {str(parent) for path in files for parent in Path(path).parents}
    if both := sorted(folders & files.keys()):
        raise ArchiveDamaged(source, f"{both[0]} is a file and a folder in it")
    manifest = None
    if content["manifest"] is not None:
        if content["manifest"].get("schema_version", 1) > SCHEMA_VERSION:
            raise ArchiveDamaged(source, "a later Modelyard made the model", hint=_UPDATE)
        manifest = from_json(json.dumps(content["manifest"]).encode())
        if dict(manifest.files) != files:
            raise ArchiveDamaged(source, "its manifest and its index name different files")
    return Index(name, manifest, files)


@dataclass(frozen=True)
class Member:
    name: str
    size: int  # bytes


def header(name: str, size: int) -> bytes:
    """What stands before a file's bytes. The same for the same file on every host: no time, no owner."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    # GNU's form, since POSIX's plain one ends at 8 GiB a file and 256 characters a name.
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict")


def read_header(stream: BinaryIO, source: str) -> Member | None:
    """The next file, or None at the end. Whatever is not a plain file is refused: links, devices, folders, holes."""
    info = _read_block(stream, source)
    if info is None:
        return None
    name = info.name
    if info.type == tarfile.GNUTYPE_LONGNAME:
        if info.size > _MAX_NAME:
            raise ArchiveDamaged(source, "it has a name that is too long")
        written = read_exactly(stream, info.size, source)
        read_exactly(stream, padding(info.size), source)
        if (info := _read_block(stream, source)) is None:
            raise ArchiveDamaged(source, "it ends too early")
        try:
            name = written.rstrip(b"\0").decode()
        except UnicodeDecodeError as error:
            raise ArchiveDamaged(source, "it has a name that cannot be read") from error
    if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or info.size < 0:
        raise ArchiveDamaged(source, f"{name!r} in it is not a plain file")
    return Member(name, info.size)


def _read_block(stream: BinaryIO, source: str) -> tarfile.TarInfo | None:
    block = stream.read(BLOCK)
    if not block.strip(b"\0"):
        return None
    if len(block) < BLOCK:
        raise ArchiveDamaged(source, "it ends too early")
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.HeaderError, ValueError, OverflowError) as error:
        raise ArchiveDamaged(source, "it is not a tar archive, or a damaged one") from error


def read_exactly(stream: BinaryIO, size: int, source: str) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise ArchiveDamaged(source, "it ends too early")
    return data


def padding(size: int) -> int:
    """Bytes that follow a file of this size, up to the next block."""
    return -size % BLOCK

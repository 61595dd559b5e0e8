"""A model as the hub server has it: the files of a folder, with the hashes, the commit and the metadata of the hub.

Knows the form of the hub's JSON; does not know HTTP.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

_ALWAYS_LFS = (".safetensors", ".bin", ".gguf", ".onnx", ".msgpack", ".model")
_LFS_FROM = 10 * 2**20  # the hub takes no larger file into git


@dataclass(frozen=True)
class HostedFile:
    """A file, and how the hub names it."""

    name: str
    path: Path
    lfs: bool
    size: int
    sha256: str
    git_blob: str

    @property
    def etag(self) -> str:
        return self.sha256 if self.lfs else self.git_blob

    def as_sibling(self, *, with_metadata: bool) -> dict[str, Any]:
        if not with_metadata:
            return {"rfilename": self.name}
        lfs = {"lfs": {"sha256": self.sha256, "size": self.size, "pointerSize": 134}} if self.lfs else {}
        return {"rfilename": self.name, "size": self.size, "blobId": self.git_blob, **lfs}

    def as_tree_item(self) -> dict[str, Any]:
        lfs = {"lfs": {"oid": self.sha256, "size": self.size, "pointerSize": 134}} if self.lfs else {}
        return {"type": "file", "oid": self.git_blob, "size": self.size, "path": self.name, **lfs}


@dataclass
class HostedModel:
    """A folder under an id. `token` is the one that may read it where it is gated or private."""

    id: str
    folder: Path
    revision: str = "main"
    gated: bool = False
    private: bool = False
    token: str | None = None
    task: str | None = "text-generation"
    downloads: int = 0
    likes: int = 0
    updated: str = "2026-01-02T03:04:05.000Z"
    most_siblings: int | None = None  # how many files the hub names with the model, where not all
    no_hashes: bool = False
    extra_names: list[str] = field(default_factory=list)  # names without files, as a hostile hub may have

    @cached_property
    def files(self) -> dict[str, HostedFile]:
        paths = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {file.name: file for file in (_hosted(self.folder, path) for path in paths)}

    @cached_property
    def commit(self) -> str:
        names = "\n".join(f"{file.name} {file.sha256}" for file in self.files.values())
        return hashlib.sha1(f"{self.id}\n{names}".encode()).hexdigest()

    def knows(self, revision: str) -> bool:
        return revision in (self.revision, self.commit)

    def readable_by(self, token: str | None) -> bool:
        """Whether the bytes may be had; a gated model's metadata may be had by all."""
        return not (self.gated or self.private) or (token is not None and token == self.token)

    def as_info(self, *, with_metadata: bool) -> dict[str, Any]:
        siblings = [file.as_sibling(with_metadata=with_metadata and not self.no_hashes) for file in self.files.values()]
        siblings += [{"rfilename": name, "size": 1, "blobId": "0" * 40} for name in self.extra_names]
        return {**self.as_result(), "sha": self.commit, "siblings": siblings[: self.most_siblings]}

    def as_result(self) -> dict[str, Any]:
        return {
            "_id": hashlib.sha1(self.id.encode()).hexdigest()[:24],
            "id": self.id,
            "modelId": self.id,
            "author": self.id.rpartition("/")[0],
            "private": self.private,
            "gated": "manual" if self.gated else False,
            "downloads": self.downloads,
            "likes": self.likes,
            "pipeline_tag": self.task,
            "lastModified": self.updated,
            "tags": [self.task] if self.task else [],
        }


def _hosted(folder: Path, path: Path) -> HostedFile:
    content = path.read_bytes()
    return HostedFile(
        name=path.relative_to(folder).as_posix(),
        path=path,
        lfs=path.name.endswith(_ALWAYS_LFS) or len(content) >= _LFS_FROM,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        git_blob=hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest(),
    )

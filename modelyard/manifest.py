"""What is recorded of an entry: where it came from, how it was made, how true it is, and the SHA-256 of every file.

Knows the record and its JSON; does not know how a conversion is done.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from modelyard.entry import MANIFEST_FILE, Entry

SCHEMA_VERSION = 1
_BLOCK = 4 * 2**20


@dataclass(frozen=True)
class FileRecord:
    size: int  # bytes
    sha256: str


@dataclass(frozen=True)
class Source:
    """Where a checkpoint came from: `location` as it was given, `revision` what it resolved to.

    The revision of a folder is a SHA-256 over its files, the one of a hub model its commit. `stamp` is a digest of
    the folder's file names, sizes and times: while it stays the same, the files need not be read again.
    """

    kind: Literal["folder", "hub"]
    location: str
    revision: str
    stamp: str | None = None


@dataclass(frozen=True)
class Fidelity:
    """How close the converted model is to the original on the same tokens.

    `agreement` is the share of positions at which both think the same token likeliest, `kl_divergence` the mean of
    KL(original || converted) over those positions in nats, `reference` the number type the original ran in.
    `tokenizer_agrees` says whether both tokenizers made the same tokens of the text.
    """

    agreement: float
    kl_divergence: float
    positions: int
    reference: str
    tokenizer_agrees: bool


@dataclass(frozen=True)
class VectorFidelity:
    """How close the converted model's embeddings are to the original's: the cosine of the two vectors of each text."""

    cosine_mean: float
    cosine_min: float
    texts: int
    reference: str


@dataclass(frozen=True)
class ScoreFidelity:
    """How close the converted model's scores are to the original's.

    `max_difference` is the largest of all, `same_order` the share of pairs of texts that both put in the same order.
    """

    max_difference: float
    same_order: float
    texts: int
    reference: str


AnyFidelity = Fidelity | VectorFidelity | ScoreFidelity


@dataclass(frozen=True)
class NotMeasured:
    """Why there is no fidelity of an entry, as a clause: "the original is not here"."""

    why: str


@dataclass(frozen=True)
class Manifest:
    """The record of one entry. `settings` is what the conversion was asked for, `tools` the versions that did it.

    `target` is what serves it, `quantization` how the weights were compressed before they came to us (a GGUF file's
    type, GPTQ ...), `adapters` the names of the LoRA adapters in it. Where there is no `fidelity`, `not_measured` says
    why.
    """

    name: str
    task: str
    source: Source
    architecture: str
    parameters: int
    context_length: int | None
    precision: str
    device: str
    settings: Mapping[str, Any]
    created: str  # ISO 8601, UTC
    duration_s: float
    tools: Mapping[str, str] = field(default_factory=dict)
    fidelity: AnyFidelity | None = None
    not_measured: str | None = None
    target: str = "triton-openvino"
    license: str | None = None
    quantization: str | None = None
    adapters: tuple[str, ...] = ()
    files: Mapping[str, FileRecord] = field(default_factory=dict)  # by path below the entry, without the manifest
    schema_version: int = SCHEMA_VERSION

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(record.size for record in self.files.values())


@cache
def _adapter() -> Any:
    from pydantic import TypeAdapter  # 0.1 s, and `modelyard --help` needs none of it

    return TypeAdapter(Manifest)


def read_manifest(entry: Entry) -> Manifest | None:
    """The manifest of an entry, or None where there is none that can be read: entries may be written by hand."""
    try:
        manifest = from_json(entry.manifest.read_bytes())
    except (OSError, ValueError):
        return None
    return manifest if manifest.schema_version <= SCHEMA_VERSION else None


def from_json(text: bytes) -> Manifest:
    """Raises ValueError when the text is no manifest."""
    manifest: Manifest = _adapter().validate_json(text)
    return manifest


def to_json(manifest: Manifest) -> bytes:
    text: bytes = _adapter().dump_json(manifest, indent=2)
    return text + b"\n"


def write_manifest(entry: Entry, manifest: Manifest) -> None:
    """Write it whole or not at all."""
    partial = entry.manifest.with_suffix(".partial")
    partial.write_bytes(to_json(manifest))
    os.replace(partial, entry.manifest)


def record_files(folder: Path) -> dict[str, FileRecord]:
    """Size and digest of every file below `folder` but the manifest, by its path there."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST_FILE)
    return {path.relative_to(folder).as_posix(): FileRecord(path.stat().st_size, sha256_of(path)) for path in found}


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()

"""Small entries to try the catalog on, made in a moment: files that are recorded, and a manifest."""

from __future__ import annotations

import io
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from modelyard.catalog.exporting import export
from modelyard.entry import Entry
from modelyard.manifest import Fidelity, Manifest, Source, read_manifest, record_files, write_manifest

MANIFEST = Manifest(
    name="m",
    task="text-generation",
    source=Source("hub", "someone/m", "0123456789abcdef0123456789abcdef01234567"),
    architecture="LlamaForCausalLM",
    parameters=3_400_000,
    context_length=1024,
    precision="int8",
    device="CPU",
    settings={"precision": "int8"},
    created="2026-01-02T03:04:05+00:00",
    duration_s=12.5,
    tools={"openvino": "2026.4.1"},
    fidelity=Fidelity(0.99, 0.001, 300, "float32", True),
)
LARGE = 2**20 + 300_001  # bytes; large enough to be shared by a copy, and no multiple of a tar block


def write_entry(repository: Path, name: str, *, weights: int = 3000, manifest: bool = True) -> Entry:
    """An entry with weights of so many bytes, which are the same for the same figure."""
    entry = Entry(repository / name)
    (entry.version_folder / "tokenizer").mkdir(parents=True)
    entry.config.write_text('backend: "python"\nparameters { key: "TASK" value { string_value: "text-generation" } }\n')
    (entry.version_folder / "weights.bin").write_bytes(random.Random(weights).randbytes(weights))
    (entry.version_folder / "tokenizer" / "wörter.json").write_text('{"a": 1}')
    (entry.version_folder / "empty").touch()
    if manifest:
        write_manifest(entry, replace(MANIFEST, name=name, files=record_files(entry.folder)))
    return entry


def amend_manifest(entry: Entry, **changes: Any) -> None:
    manifest = read_manifest(entry)
    assert manifest is not None
    write_manifest(entry, replace(manifest, **changes))


def content_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path there."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def archive_of(entry: Entry) -> bytes:
    stream = io.BytesIO()
    export(entry.folder.parent, entry.name, stream)
    return stream.getvalue()


def nothing_came(repository: Path) -> bool:
    """Whether an import left no file, in the repository or beside it."""
    return not [path for path in repository.parent.rglob("*") if path.is_file() and path.suffix != ".lock"]

"""Memory that serving entries takes which are there already, read from their own files.

Knows manifests and files of entries; does not know how they were made.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from converters.contents import Contents
from converters.estimates.serving import ENGINE, SERVICE, serving
from modelyard.card import GENERATES_TEXT
from modelyard.entry import Entry
from modelyard.manifest import read_manifest

_WEIGHTS = (".bin", ".gguf", ".safetensors")
# Tokens of cache that a start must have room for: a model's whole context may be far more than anybody uses.
_CONTEXT = 4096


def memory_of_entries(entries: Iterable[Entry], *, context: int = _CONTEXT, concurrency: int = 1) -> int:
    """Bytes of one service that has them all loaded, each with so many streams of at most so many tokens."""
    return SERVICE + sum(_memory(entry, context, concurrency) for entry in entries)


def _memory(entry: Entry, context: int, concurrency: int) -> int:
    files = [file for file in entry.version_folder.rglob("*") if file.suffix in _WEIGHTS and file.is_file()]
    weights = sum(file.stat().st_size for file in files)
    manifest = read_manifest(entry)
    if manifest is None or manifest.task not in GENERATES_TEXT:
        return ENGINE + weights
    contents = Contents(
        architecture=manifest.architecture,
        parameters=manifest.parameters,
        bytes=weights,
        context_length=manifest.context_length,
        number_type=manifest.precision,
        figures=_figures(entry),
    )
    exporter = str(manifest.settings.get("exporter", "openvino_ready"))
    tokens = min(context, manifest.context_length or context)
    estimate = serving(contents, exporter, manifest.precision, context=tokens, concurrency=concurrency)
    return ENGINE + weights + estimate.cache


def _figures(entry: Entry) -> dict[str, Any]:
    from converters.gguf import read_header
    from modelyard.errors import BadCheckpoint

    try:
        config = json.loads((entry.version_folder / "config.json").read_text(encoding="utf-8"))
        nested = config.get("text_config") if isinstance(config, dict) else None
        return nested if isinstance(nested, dict) else config if isinstance(config, dict) else {}
    except (OSError, ValueError, RecursionError):
        pass
    for file in sorted(entry.version_folder.glob("*.gguf")):
        try:
            return dict(read_header(file).figures)
        except BadCheckpoint:
            break
    return {}

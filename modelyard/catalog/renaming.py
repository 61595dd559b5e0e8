"""What of an entry's own files says its name, and so changes when the entry gets another.

Knows the manifest and the name in config.pbtxt; leaves everything else alone.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

from modelyard.entry import CONFIG_FILE, Entry
from modelyard.manifest import FileRecord, Manifest, sha256_of, write_manifest
from modelyard.vllm_paths import rename_paths


def give_name(entry: Entry, old: str, name: str, manifest: Manifest | None) -> Manifest | None:
    """Write the manifest (where there is one) under the new name into an entry that is not published yet."""
    renamed = old != name and _rename_in_config(entry.config, old, name)
    if manifest is None:
        return None
    files = dict(manifest.files)
    for path in rename_paths(entry, old, name) if old != name else ():
        files[path.relative_to(entry.folder).as_posix()] = FileRecord(path.stat().st_size, sha256_of(path))
    if renamed and CONFIG_FILE in files:
        files[CONFIG_FILE] = FileRecord(entry.config.stat().st_size, sha256_of(entry.config))
    manifest = replace(manifest, name=name, files=files)
    write_manifest(entry, manifest)
    return manifest


def _rename_in_config(config: Path, old: str, name: str) -> bool:
    """Ours leave the name out; in one that was written by hand Triton wants the folder's name, or none."""
    text = config.read_bytes()
    line = re.compile(rb'^(name\s*:\s*)(["\'])' + re.escape(old.encode()) + rb"\2", re.MULTILINE)
    changed = line.sub(lambda found: found[1] + found[2] + name.encode() + found[2], text)
    if changed == text:
        return False
    partial = config.with_suffix(".partial")
    partial.write_bytes(changed)
    os.replace(partial, config)  # in one step, and never into a file that another entry may share
    return True

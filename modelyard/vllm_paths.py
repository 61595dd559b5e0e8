"""The paths inside an entry for Triton's vLLM backend, which say the entry's name and so change with it.

model.json and multi_lora.json name folders of the entry as seen from the repository. Knows those two files only.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from modelyard.entry import VERSION, Entry

_FILES = ("model.json", "multi_lora.json")


def rename_paths(entry: Entry, old: str, name: str) -> list[Path]:
    """Make the paths of an entry that is not published yet lead into `name` instead of `old`; the files that changed.

    Paths that lead elsewhere stay, as in an entry that somebody wrote by hand.
    """
    changed = []
    for path in (entry.version_folder / file for file in _FILES):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
        if not isinstance(content, dict):
            continue
        renamed = {key: _renamed(value, f"{old}/{VERSION}/", f"{name}/{VERSION}/") for key, value in content.items()}
        if renamed == content:
            continue
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(renamed, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(partial, path)  # in one step, and never into a file that another entry may share
        changed.append(path)
    return changed


def _renamed(value: Any, old: str, new: str) -> Any:
    return new + value.removeprefix(old) if isinstance(value, str) and value.startswith(old) else value

"""The voices of an entry: `voices/<name>.bin` in the version folder, each a speaker's embedding.

Knows files of 512 numbers; does not know how a voice sounds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..common.settings import BadSetting

# The library carries one voice of its own; a file of this name takes its place.
BUILT_IN = "default"
_SIZE = 512  # numbers in a speaker's embedding, an x-vector, which SpeechT5 was trained with
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def read_voices(version_folder: Path) -> Mapping[str, bytes]:
    """Embeddings by name, empty bytes for the library's own. Raises BadSetting for a file that is none."""
    voices: dict[str, bytes] = {BUILT_IN: b""}
    for path in sorted((version_folder / "voices").glob("*.bin")):
        if not _NAME.fullmatch(path.stem):
            raise BadSetting(f"{path} cannot be a voice: a name has letters, digits, '.', '_' and '-'")
        content = path.read_bytes()
        if len(content) != 4 * _SIZE or not np.isfinite(np.frombuffer(content, np.float32)).all():
            raise BadSetting(f"{path} is not a voice: it must have {_SIZE} numbers as float32")
        voices[path.stem] = content
    return voices

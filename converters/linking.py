"""A file of a checkpoint becomes a file of an entry without being written again where that is safe.

Knows files; does not know what is in them.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def link_or_copy(source: Path, place: Path) -> None:
    """A second name for a file of the hub's cache, or a copy of any other. Raises OSError.

    Only files of huggingface_hub's `blobs` are linked: it never writes into one that is whole. A user's own folder is
    copied, since he may change a file in place, and the entry with it.
    """
    origin = source.resolve()
    if origin.parent.name == "blobs":
        try:
            os.link(origin, place)
            return
        except OSError:  # another file system, or one without links
            pass
    shutil.copyfile(origin, place)

"""Keeps what libraries print off the user's screen, and at hand for when they fail.

Works on file descriptors, since C++ prints too; knows nothing of who prints.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

_LAST_LINES = 5
# Bars of tqdm and rich, and the frames of tables.
_PROGRESS = re.compile(r"it/s|s/it|\d+%\s*[|•]|• \d+:\d\d|[│┍┑┕┙├┤━┝┥┯┿┷]")


@contextlib.contextmanager
def captured(log: Path, *, show: bool = False) -> Iterator[None]:
    """Send standard output and standard error to `log` while the block runs, or leave them alone when `show` is set."""
    if show:
        yield
        return
    with log.open("ab") as file, contextlib.ExitStack() as undo:
        for stream, descriptor in ((sys.stdout, 1), (sys.stderr, 2)):
            stream.flush()
            saved = os.dup(descriptor)
            undo.callback(os.close, saved)
            undo.callback(os.dup2, saved, descriptor)
            undo.callback(stream.flush)  # callbacks run last first: what is buffered still goes to the log
            os.dup2(file.fileno(), descriptor)
        yield


def last_words(log: Path) -> str:
    """The last lines that were printed, without progress bars."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    lines = [line.rsplit("\r", 1)[-1].strip() for line in text.splitlines()]
    return "\n".join([line for line in lines if line and not _PROGRESS.search(line)][-_LAST_LINES:])

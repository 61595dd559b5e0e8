"""Progress for programs: one JSON object a line on standard output, and the error, if there is one, as the last.

    {"step": "exporting to OpenVINO"}
    {"note": "int8: below 1 B parameters"}
    {"file": "model.safetensors", "done": 1048576, "total": 4194304}
    {"result": {"name": "tiny", "already": false}}
    {"error": {"class": "SourceUnavailable", "kind": "not_found", "message": "...", "hint": "...", "about": {}}}

Is told of steps and bytes, as `output.Progress` and `DownloadProgress` are; does not know where they come from.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from modelyard.errors import HostProblem, ModelyardError

_PAUSE_S = 0.2  # between two lines of one file that is on its way


class ProgressLines:
    """Fits where `output.Progress` is taken. A reader that went away ends the work: each line fails then."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._told: dict[str, float] = {}

    def step(self, sentence: str) -> None:
        self.write({"step": sentence})

    def note(self, sentence: str) -> None:
        self.write({"note": sentence})

    def downloaded(self, file: str, done: int, total: int, /) -> None:
        now = time.monotonic()
        if done < total and now - self._told.get(file, -_PAUSE_S) < _PAUSE_S:
            return
        self._told[file] = now
        self.write({"file": file, "done": done, "total": total})

    def write(self, line: dict[str, Any]) -> None:
        print(json.dumps(line), file=self._stream, flush=True)


@contextmanager
def progress_lines() -> Iterator[ProgressLines]:
    """Lines on a descriptor of their own: standard output may be sent elsewhere while a library is at work."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as stream:
        yield ProgressLines(stream)


@contextmanager
def errors_as_lines() -> Iterator[None]:
    """What goes wrong in the block is the last line too; the exception goes on its way."""
    from modelyard.cli.failures import explain
    from modelyard.error_records import to_record

    try:
        yield
    except BrokenPipeError:
        raise  # nobody reads any more
    except Exception as error:
        if isinstance(error, ModelyardError):
            known = error
        else:
            message, hint, _ = explain(error)
            known = HostProblem(message, hint=hint) if isinstance(error, OSError) else ModelyardError(message)
        with progress_lines() as lines:
            lines.write({"error": to_record(known)})
        raise

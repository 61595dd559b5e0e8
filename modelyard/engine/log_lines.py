"""Triton's log, line by line: how severe a line is and what it says.

Knows Triton's own format (`W1121 07:57:48.008534 10719 metrics.cc:798] "..."`); does not know why a line was written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Severity = Literal["debug", "info", "warning", "error"]

_LINE = re.compile(r"(?P<letter>[IWEF])\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ (?P<source>[^\]]+)\] *(?P<text>.*)")
_SEVERITIES: dict[str, Severity] = {"I": "info", "W": "warning", "E": "error", "F": "error"}

# What Triton says on every machine without an NVIDIA GPU, some of it as an error, and what it says when a client
# hangs up, which is nobody's fault.
_HARMLESS = (
    "Unable to allocate pinned system memory",
    "CUDA memory pool disabled",
    "CudaDriverHelper has not been initialized",
    "Failed to initialize NVML",
    "DCGM unable to start",
    "HandleCancellation called",
)


@dataclass(frozen=True)
class LogLine:
    """One line. `source` is the file of Triton that wrote it, empty for what a model printed."""

    severity: Severity
    text: str
    source: str = ""


def parse(line: str) -> LogLine:
    """What a line of tritonserver's output means."""
    found = _LINE.fullmatch(line)
    if found is None:
        # Tables of the start-up summary, and what a Python model or the dynamic linker printed.
        table = line.startswith(("+-", "| ")) or not line.strip()
        return LogLine("debug" if table or _harmless(line) else "info", line)
    text = found["text"]
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    severity: Severity = "debug" if not text or _harmless(text) else _SEVERITIES[found["letter"]]
    return LogLine(severity, text, found["source"])


def _harmless(text: str) -> bool:
    return any(words in text for words in _HARMLESS)


LogSink = Callable[[LogLine], None]


class _ToFile:
    """A sink that appends to a file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", buffering=1)

    def __call__(self, line: LogLine) -> None:
        source = f"{line.source}: " if line.source else ""
        self._file.write(f"{line.severity:7} {source}{line.text}\n")

    def close(self) -> None:
        self._file.close()


def open_sink(log: LogSink | Path | None) -> LogSink:
    """The sink for what a caller gave: a function, a file to append to, or nothing."""
    if isinstance(log, Path):
        return _ToFile(log)
    return log if log is not None else lambda line: None


def close_sink(sink: LogSink) -> None:
    """Close what `open_sink` opened."""
    if isinstance(sink, _ToFile):
        sink.close()

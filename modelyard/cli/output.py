"""The only place that prints: results on standard output, progress and problems on standard error.

Knows people, JSON and terminals; does not know what a step does.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar

    from modelyard.manifest import AnyFidelity, Manifest


def say(line: str) -> None:
    # At once: a service that writes to a file or a pipe would keep it to itself for as long as it lives.
    print(line, flush=True)


def as_json(content: Any) -> None:
    print(json.dumps(content, indent=2, ensure_ascii=False))


def problem(message: str, hint: str = "") -> None:
    print(f"error: {message}", file=sys.stderr)
    if hint:
        print(f"hint: {hint}", file=sys.stderr)


def facts(pairs: Mapping[str, str]) -> None:
    """Two columns, name and value."""
    width = max(map(len, pairs), default=0)
    for name, value in pairs.items():
        print(f"  {name:<{width}}  {value}")


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Plain columns, so that `grep` and `awk` can read them too."""
    widths = [max(len(line[column]) for line in [headings, *rows]) for column in range(len(headings))]
    for line in [headings, *rows]:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


def in_bytes(size: int) -> str:
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} B"


def fidelity_of(manifest: Manifest) -> str:
    """One line of what the conversion lost, or why that is not known."""
    if manifest.fidelity is not None:
        return _fidelity(manifest.fidelity)
    return f"not measured: {manifest.not_measured}" if manifest.not_measured else "not measured"


def _fidelity(measured: AnyFidelity) -> str:
    from modelyard.manifest import Fidelity, VectorFidelity

    if isinstance(measured, VectorFidelity):
        return (
            f"cosine to the original {measured.cosine_mean:.4f}, at least {measured.cosine_min:.4f} "
            f"({measured.texts} texts, against {measured.reference})"
        )
    if not isinstance(measured, Fidelity):
        return (
            f"scores differ by at most {measured.max_difference:.4f}, {measured.same_order:.1%} of pairs keep order "
            f"({measured.texts} texts, against {measured.reference})"
        )
    words = (
        f"next-token agreement {measured.agreement:.1%}, KL divergence {measured.kl_divergence:.4f} nats "
        f"({measured.positions} positions, against {measured.reference})"
    )
    return words if measured.tokenizer_agrees else f"{words}; the two tokenizers differ"


class Progress:
    """Steps as they come: a spinner with the time on a terminal, plain lines elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._running: Bar | None = None
        self._sentence = ""
        self._since = 0.0

    def step(self, sentence: str) -> None:
        self.finish()
        self._sentence, self._since = sentence, time.monotonic()
        if self._console.is_terminal:
            self._running = _spinner(self._console)
            self._running.add_task(sentence, total=None)
            self._running.start()
        else:
            self._console.print(f"  {sentence} ...", highlight=False)

    def note(self, sentence: str) -> None:
        """Something to know, said when the step that is running is done."""
        self.finish()
        self._console.print(f"  {sentence}", highlight=False)

    def finish(self) -> None:
        """The step that is running is done."""
        if self._running is not None:
            self.abandon()
            self._console.print(f"  {self._sentence}  {time.monotonic() - self._since:.1f} s", highlight=False)

    def abandon(self) -> None:
        """The step that is running failed; say no more of it."""
        if self._running is not None:
            self._running.stop()
            self._running = None


def _spinner(console: Console) -> Bar:
    from rich.progress import Progress as Bar
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    # Not redirected: what libraries print must go where it is sent, and not through the spinner onto the screen.
    return Bar(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False)


@contextmanager
def progress() -> Iterator[Progress]:
    """Progress on a descriptor of its own: standard error may be sent elsewhere while a library is at work."""
    from rich.console import Console

    with os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace") as screen:
        shown = Progress(Console(file=screen, soft_wrap=True))
        try:
            yield shown
            shown.finish()
        finally:
            shown.abandon()

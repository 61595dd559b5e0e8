"""Markdown that is still being written: blocks that are complete are printed once, and only the last one is redrawn.

Knows Rich and the terminal; does not know where the text comes from.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from markdown_it import MarkdownIt
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.markdown import Heading, Markdown
from rich.segment import Segment
from rich.text import Text

_REDRAWN_S = 0.08  # seconds between two drawings of the last block: smooth to the eye, and little work
_LINE = re.compile(r"[^\n]*\n|[^\n]+")  # what the parser calls a line
_CODE_THEME = "ansi_dark"  # the terminal's own colours, whatever its background


class _Heading(Heading):
    """Bold and at the left: a box across the screen is too much for a chat."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.text.justify = "left"
        self.text.stylize("bold underline" if self.tag == "h1" else "bold")
        yield self.text


class _Markdown(Markdown):
    elements = {**Markdown.elements, "heading_open": _Heading}  # noqa: RUF012 - as Rich declares it


def rendered(text: str) -> Markdown:
    return _Markdown(text, code_theme=_CODE_THEME)


class _Block:
    """A block without the empty lines that Rich puts around some kinds; of a higher one than `most`, the last lines."""

    def __init__(self, text: str, most: int | None = None) -> None:
        self._text = text
        self._most = most

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(rendered(self._text), options, pad=False)
        while lines and _is_empty(lines[0]):
            lines.pop(0)
        while lines and _is_empty(lines[-1]):
            lines.pop()
        for line in lines if self._most is None else lines[-self._most :]:
            yield from _without_padding(line)
            yield Segment.line()


def _without_padding(line: list[Segment]) -> list[Segment]:
    """Less the spaces at the end, which would be copied with the text."""
    while line and not line[-1].text.strip():
        line = line[:-1]
    if not line:
        return line
    return [*line[:-1], Segment(line[-1].text.rstrip(), line[-1].style, line[-1].control)]


def _is_empty(line: list[Segment]) -> bool:
    return not "".join(segment.text for segment in line).strip()


class MarkdownStream:
    """Text comes in by `write`; the screen follows."""

    def __init__(self, console: Console, live: Live) -> None:
        self._console = console
        self._live = live
        self._parser = MarkdownIt().enable("table").enable("strikethrough")
        self._pending = ""
        self._printed = False
        self._drawn = 0.0

    def write(self, text: str) -> None:
        self._pending += text
        if "\n" in text:
            self._print_complete()
        if time.monotonic() - self._drawn >= _REDRAWN_S:
            # What has scrolled away could not be drawn again.
            self._live.update(_Block(self._pending, most=max(1, self._console.height - 2)), refresh=True)
            self._drawn = time.monotonic()

    def finish(self) -> None:
        """Nothing more comes: print what is left."""
        self._print_complete()
        self._print(self._pending)
        self._pending = ""

    def _print_complete(self) -> None:
        """Print all blocks but the last, which may go on: one by one, so that it does not matter how they came."""
        starts = [token.map[0] for token in self._parser.parse(self._pending) if token.level == 0 and token.map]
        if len(starts) > 1:
            lines = _LINE.findall(self._pending)
            for start, end in itertools.pairwise(starts):
                self._print("".join(lines[start:end]))
            self._pending = "".join(lines[starts[-1] :])

    def _print(self, text: str) -> None:
        self._live.update(Text(""), refresh=True)
        if not text.strip():
            return
        if self._printed:
            self._console.print()
        self._console.print(_Block(text), end="")
        self._printed = True


@contextmanager
def markdown_stream(console: Console) -> Iterator[MarkdownStream]:
    """A stream onto the console; what was written is all printed at the end, however the block is left."""
    live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False)
    with live:
        stream = MarkdownStream(console, live)
        try:
            yield stream
        finally:
            stream.finish()

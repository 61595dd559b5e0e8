"""How a download is shown: bars per file and in total on a terminal, plain lines elsewhere.

Is told of bytes; does not know where they come from.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from modelyard.cli.output import in_bytes

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

_LINES = 10  # that the whole download has at least, where there are no bars


class DownloadProgress:
    """`with DownloadProgress() as tell: fetch(..., on_progress=tell)`. On standard error unless `console` is given."""

    def __init__(self, console: Console | None = None) -> None:
        from rich.console import Console

        self._console = console or Console(stderr=True, soft_wrap=True)
        self._bars = _Bars(self._console) if self._console.is_terminal else None
        self._done: dict[str, int] = {}
        self._total: dict[str, int] = {}
        self._came = 0  # bytes that were not here when it began
        self._tenths = 0

    def __enter__(self) -> DownloadProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()
        if kind is None and self._total:
            self._say(self._summary())

    def __call__(self, file: str, done: int, total: int, /) -> None:
        before = self._done.get(file)
        self._done[file], self._total[file] = done, total
        if before is not None:
            self._came += max(0, done - before)
        if self._bars is not None:
            self._bars.show(file, done, total, sum(self._done.values()), sum(self._total.values()))
        elif before is not None and done > before:
            self._say_how_far(file, done, total)

    def _say_how_far(self, file: str, done: int, total: int) -> None:
        whole, here = sum(self._total.values()), sum(self._done.values())
        tenths = _LINES * here // whole
        if done == total or tenths > self._tenths:
            what = f"{file} is here" if done == total else f"{file} is on its way"
            self._say(f"{what}; {in_bytes(here)} of {in_bytes(whole)}")
        self._tenths = max(self._tenths, tenths)

    def _summary(self) -> str:
        files = "1 file" if len(self._total) == 1 else f"{len(self._total)} files"
        size = in_bytes(sum(self._total.values()))
        if self._came == 0:
            return f"{files}, {size}: all in the cache"
        return f"{files}, {size}: fetched and checked"

    def _say(self, line: str) -> None:
        self._console.print(f"  {line}", highlight=False, markup=False)


class _Bars:
    """One bar for all and one for each file that is on its way; none at all when nothing is to come."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
        from rich.progress import Progress as Bars

        columns = (
            TextColumn("  {task.description}", markup=False),
            BarColumn(bar_width=24),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        # Not redirected: what libraries print must go where it is sent, and not through the bars onto the screen.
        self._bars: Bars = Bars(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False)
        self._files: dict[str, TaskID] = {}
        self._all = self._bars.add_task("total", total=0)

    def show(self, file: str, done: int, total: int, all_done: int, all_total: int) -> None:
        if file not in self._files:
            self._files[file] = self._bars.add_task(_short(file), total=total, completed=done, visible=False)
        several = len(self._files) > 1
        self._bars.update(self._files[file], completed=done, total=total, visible=several and 0 < done < total)
        what = "total" if several else _short(file)
        self._bars.update(self._all, description=what, completed=all_done, total=all_total)
        if all_done < all_total and not self._bars.live.is_started:
            self._bars.start()

    def stop(self) -> None:
        self._bars.stop()


def _short(file: str) -> str:
    """The end of a long name, which is what tells the parts of a model from one another."""
    return file if len(file) <= 40 else f"...{file[-37:]}"

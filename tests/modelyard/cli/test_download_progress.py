"""Bars on a terminal, lines in a log, and no word of it when nothing had to come."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from modelyard.cli.download_progress import DownloadProgress


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


def _console(screen: io.StringIO, *, terminal: bool) -> Console:
    return Console(file=screen, force_terminal=terminal, width=120, soft_wrap=True)


def _look(tell: DownloadProgress) -> None:
    """What the terminal shows at this moment, which it otherwise does ten times a second."""
    if tell._bars is not None:
        tell._bars._bars.refresh()


def test_lines_in_a_log(screen: io.StringIO) -> None:
    with DownloadProgress(_console(screen, terminal=False)) as tell:
        tell("config.json", 0, 1000)
        tell("model.safetensors", 0, 9000)
        tell("config.json", 1000, 1000)
        for done in range(0, 9001, 100):
            tell("model.safetensors", done, 9000)
    lines = screen.getvalue().splitlines()
    assert lines[0] == "  config.json is here; 1.0 kB of 10.0 kB"
    assert lines[1:3] == [
        "  model.safetensors is on its way; 2.0 kB of 10.0 kB",
        "  model.safetensors is on its way; 3.0 kB of 10.0 kB",
    ]
    assert lines[-2:] == [
        "  model.safetensors is here; 10.0 kB of 10.0 kB",
        "  2 files, 10.0 kB: fetched and checked",
    ]
    assert len(lines) == 11
    assert "\x1b" not in screen.getvalue()


def test_bars_on_a_terminal(screen: io.StringIO) -> None:
    long_name = "folder/" + "x" * 50 + "-00001-of-00002.safetensors"
    with DownloadProgress(_console(screen, terminal=True)) as tell:
        tell("config.json", 0, 1000)
        tell(long_name, 0, 9000)
        tell("config.json", 1000, 1000)
        tell(long_name, 4500, 9000)
        _look(tell)
        tell(long_name, 9000, 9000)
    shown = screen.getvalue()
    assert "-00001-of-00002.safetensors" in shown
    assert "4.5/9.0 kB" in shown
    assert "total" in shown
    assert "5.5/10.0 kB" in shown
    assert "2 files, 10.0 kB: fetched and checked" in shown


@pytest.mark.parametrize("terminal", [True, False])
def test_a_model_that_is_here_already(screen: io.StringIO, terminal: bool) -> None:
    with DownloadProgress(_console(screen, terminal=terminal)) as tell:
        for _ in range(2):
            tell("config.json", 1000, 1000)
            tell("empty", 0, 0)
    assert screen.getvalue() == "  2 files, 1.0 kB: all in the cache\n"


@pytest.mark.parametrize("terminal", [True, False])
def test_bytes_that_were_wrong_come_again(screen: io.StringIO, terminal: bool) -> None:
    with DownloadProgress(_console(screen, terminal=terminal)) as tell:
        for done in (0, 500, 1000, 100, 1000):
            tell("[bold]model[/bold].bin", done, 1000)
            _look(tell)
    assert "1 file, 1.0 kB: fetched and checked" in screen.getvalue()
    assert "[bold]model[/bold].bin" in screen.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_a_failure_has_no_summary(screen: io.StringIO, terminal: bool) -> None:
    def fail() -> None:
        with DownloadProgress(_console(screen, terminal=terminal)) as tell:
            tell("model.bin", 0, 1000)
            tell("model.bin", 300, 1000)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert "checked" not in screen.getvalue()


def test_no_file_at_all(screen: io.StringIO, tmp_path: Path) -> None:
    with DownloadProgress(_console(screen, terminal=False)):
        pass
    assert screen.getvalue() == ""

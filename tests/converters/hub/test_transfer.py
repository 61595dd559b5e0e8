"""A transfer that breaks goes on where it stopped: cut, reset, silent, slow, refused for a while, or killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from converters.hub.access import Hub
from converters.hub.fetch import fetch
from modelyard.errors import SourceUnavailable
from tests.converters.hub.conftest import ID, IMPATIENT
from tests.converters.hub.everything import LARGE, OTHER, all_files, same_files
from tests.hub_server import Cut, Fault, HubServer, Reset, Slow, Stall, Status

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("fault", [Cut(200_000), Reset(200_000), Stall(200_000)], ids=["cut", "reset", "stall"])
def test_a_break_in_the_middle(hub: Hub, server: HubServer, folder: Path, fault: Fault) -> None:
    model = server.add_model(ID, folder)
    server.order(LARGE, fault)
    assert same_files(fetch(hub, ID, choose=all_files).folder, folder)
    first, second = server.bytes_asked_for(model.files[LARGE].sha256)
    assert first == ""
    assert 0 < int(second.removeprefix("bytes=").removesuffix("-")) <= 200_000


def test_breaks_with_progress_between_them_have_no_end(hub: Hub, server: HubServer, folder: Path) -> None:
    model = server.add_model(ID, folder)
    server.order(LARGE, *[Cut(40_000)] * 10)
    assert same_files(fetch(hub, ID, choose=all_files).folder, folder)
    starts = server.bytes_asked_for(model.files[LARGE].sha256)
    assert len(starts) == 11 > IMPATIENT.attempts


def test_breaks_without_progress_do_end(hub: Hub, server: HubServer, folder: Path) -> None:
    model = server.add_model(ID, folder)
    server.order(LARGE, Cut(200_000), *[Cut(0)] * 20)
    with pytest.raises(SourceUnavailable, match="breaks the connection") as refused:
        fetch(hub, ID, choose=lambda names: (LARGE,))
    assert "goes on where it stopped" in refused.value.hint
    assert len(server.bytes_asked_for(model.files[LARGE].sha256)) == 1 + IMPATIENT.attempts
    begun = hub.cache() / "models--acme--tiny" / "blobs" / f"{model.files[LARGE].sha256}.incomplete"
    assert begun.stat().st_size == 200_000


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_a_hub_that_is_busy_for_a_moment(hub: Hub, server: HubServer, folder: Path, code: int) -> None:
    model = server.add_model(ID, folder)
    server.order("/api", Status(code))
    server.order(LARGE, Status(code, {"Retry-After": "0"}), Status(code))
    server.order("config.json", Status(code))
    assert same_files(fetch(hub, ID, choose=all_files).folder, folder)
    assert len(server.bytes_asked_for(model.files[LARGE].sha256)) == 3


def test_a_hub_that_stays_busy(hub: Hub, server: HubServer, folder: Path) -> None:
    server.add_model(ID, folder)
    server.order(LARGE, *[Status(503)] * 20)
    with pytest.raises(SourceUnavailable, match=r"not able to answer now \(HTTP 503\)") as refused:
        fetch(hub, ID, choose=all_files)
    assert refused.value.hint


def test_a_wait_that_is_asked_for_is_waited_or_refused(hub: Hub, server: HubServer, folder: Path) -> None:
    model = server.add_model(ID, folder)
    brief = replace(hub, patience=replace(IMPATIENT, longest_asked_wait_s=0.5))
    server.order(LARGE, Status(429, {"Retry-After": "1"}))
    with pytest.raises(SourceUnavailable, match="HTTP 429"):
        fetch(brief, ID, choose=all_files)
    assert len(server.bytes_asked_for(model.files[LARGE].sha256)) == 1
    server.order(LARGE, Status(429, {"Retry-After": "1"}))
    assert same_files(fetch(hub, ID, choose=all_files).folder, folder)


def test_a_slow_file_does_not_hold_up_the_others(hub: Hub, server: HubServer, folder: Path) -> None:
    server.add_model(ID, folder)
    server.order(LARGE, Slow(pause_s=0.05, piece=20_000))
    finished: list[str] = []

    def note(file: str, done: int, total: int) -> None:
        if done == total and file not in finished:
            finished.append(file)

    assert same_files(fetch(hub, ID, choose=all_files, on_progress=note).folder, folder)
    assert finished[-1] == LARGE
    assert len(finished) == 4


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_fetch_goes_on_where_it_stopped(
    hub: Hub, server: HubServer, folder: Path, how: signal.Signals
) -> None:
    model = server.add_model(ID, folder)
    server.order(LARGE, Slow(pause_s=0.02, piece=5_000))
    program = f"""
import sys
from pathlib import Path
from converters.hub.access import Hub
from converters.hub.fetch import fetch

def tell(file, done, total):
    if file == {LARGE!r} and 0 < done < total:
        print(done, flush=True)

fetch(Hub(({server.url!r},), Path({str(hub.cache())!r})), {ID!r}, choose=tuple, on_progress=tell)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # Whoever runs the tests in the background has Ctrl-C ignored, and a child would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if int(line) >= 50_000:
                os.kill(running.pid, how)
                break
    assert running.returncode == -how
    server.forget()
    assert same_files(fetch(hub, ID, choose=all_files).folder, folder)
    (start,) = server.bytes_asked_for(model.files[LARGE].sha256)
    assert int(start.removeprefix("bytes=").removesuffix("-")) >= 50_000


@pytest.mark.parametrize("left", ["too long", "wrong", "whole"])
def test_what_an_earlier_attempt_left(hub: Hub, server: HubServer, folder: Path, left: str) -> None:
    model = server.add_model(ID, folder)
    content = (folder / LARGE).read_bytes()
    begun = hub.cache() / "models--acme--tiny" / "blobs" / f"{model.files[LARGE].sha256}.incomplete"
    begun.parent.mkdir(parents=True)
    begun.write_bytes({"too long": content + b"more", "wrong": b"x" * 1000, "whole": content}[left])
    assert same_files(fetch(hub, ID, choose=all_files).folder, folder)
    asked = server.bytes_asked_for(model.files[LARGE].sha256)
    assert asked == {"too long": [""], "wrong": ["bytes=1000-", ""], "whole": []}[left]
    assert not begun.exists()


def test_a_server_that_knows_no_ranges(
    hub: Hub, server: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import re

    server.add_model(ID, folder)
    monkeypatch.setattr("tests.hub_server.handler._RANGE", re.compile("never"))
    server.order(OTHER, Cut(100_000))
    assert same_files(fetch(hub, ID, choose=all_files).folder, folder)


def test_two_processes_bring_a_file_once(hub: Hub, server: HubServer, folder: Path) -> None:
    model = server.add_model(ID, folder)
    server.order(LARGE, Slow(pause_s=0.01, piece=10_000))
    program = f"""
from pathlib import Path
from converters.hub.access import Hub
from converters.hub.fetch import fetch
print(fetch(Hub(({server.url!r},), Path({str(hub.cache())!r})), {ID!r}, choose=tuple).folder)
"""
    command = [sys.executable, "-c", program]
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    folders = {process.communicate(timeout=120)[0].strip() for process in running}
    assert [process.returncode for process in running] == [0, 0]
    assert same_files(Path(folders.pop()), folder)
    assert folders == set()
    assert len(server.bytes_asked_for(model.files[LARGE].sha256)) == 1

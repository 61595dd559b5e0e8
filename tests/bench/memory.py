"""A command with all its children as one measured thing: how long it took and the most memory it held at a time.

Reads /proc while the command runs, so it works for any program; does not know what is run. A page that several
processes share is counted once (proportional set size), whichever of them is asked.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_EVERY_S = 0.1  # often enough: what decides is held for seconds, and looking at 10 GB of pages takes 10 ms


@dataclass(frozen=True)
class Usage:
    """Bytes at their highest, each at its own moment.

    `anonymous` is what only this command can give back: heap, and pages of files that were changed. `mapped` are pages
    of files, which the system drops when memory is short, and reads again. `total` is both at one moment.
    """

    anonymous: int
    mapped: int
    total: int
    timeline: tuple[tuple[float, int, int], ...] = ()


@dataclass(frozen=True)
class Run:
    """A command that ended. `cpu_s` are its processors' seconds, which other work on the machine changes less."""

    code: int
    seconds: float
    cpu_s: float
    used: Usage


def watch(command: Sequence[str | Path], *, log: Path, env: Mapping[str, str] | None = None) -> Run:
    """Run the command to its end; what it prints goes to `log`."""
    with log.open("wb") as out:
        started = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env)
        sampler = Sampler(process.pid)
        with sampler:
            _, status, times = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - started
    return Run(process.returncode, seconds, times.ru_utime + times.ru_stime, sampler.usage())


class Sampler:
    """Looks at a process and all below it while the block runs."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory", daemon=True)
        self._started = time.monotonic()
        self._seen: list[tuple[float, int, int]] = []

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def usage(self) -> Usage:
        seen = self._seen or [(0.0, 0, 0)]
        return Usage(
            anonymous=max(held for _, held, _ in seen),
            mapped=max(mapped for _, _, mapped in seen),
            total=max(held + mapped for _, held, mapped in seen),
            timeline=tuple(seen),
        )

    def _run(self) -> None:
        while True:
            held, mapped = now(self._root)
            self._seen.append((time.monotonic() - self._started, held, mapped))
            if self._end.wait(_EVERY_S):
                return


def now(root: psutil.Process) -> tuple[int, int]:
    """Anonymous bytes, and mapped ones, of a process and all below it."""
    try:
        processes = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0, 0
    held = mapped = 0
    for process in processes:
        figures = _rollup(process.pid)
        held += figures.get("Pss_Anon", 0) + figures.get("Pss_Shmem", 0)
        mapped += figures.get("Pss_File", 0)
    return held, mapped


def _rollup(pid: int) -> dict[str, int]:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:  # it ended just now
        return {}
    return {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)}

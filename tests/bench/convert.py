"""`make bench-convert`: our conversion beside plain `optimum-cli export openvino` of the same checkpoint, paired.

Both are whole command lines, measured alike from outside: time, and memory as the sum over all their processes. Ours
measures fidelity too, which the other does not. Prints a table and writes bench-convert-<date>.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.large_checkpoints import SIZES, large_checkpoint
from tests.bench.memory import Run, watch

ROOT = Path(__file__).resolve().parents[2]
GOAL_TIME, GOAL_MEMORY = 1.1, 0.8
_GiB = 2**30
# What each precision is called by optimum's command line.
FLAGS = {
    "fp16": ["--weight-format", "fp16"],
    "int8": ["--weight-format", "int8"],
    "int4": ["--weight-format", "int4", "--group-size", "128", "--ratio", "1.0", "--group-size-fallback", "adjust"],
    "int4-cw": ["--weight-format", "int4", "--sym", "--ratio", "1.0", "--group-size", "-1"],
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-convert", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="1.8B")
    parser.add_argument("--precision", nargs="+", choices=FLAGS, default=["int8", "int4-cw"])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--cache", type=Path, default=bench_cache(), help="folder where the checkpoint is kept")
    parser.add_argument("--output", type=Path, default=Path(time.strftime("bench-convert-%Y%m%d-%H%M%S.json")))
    arguments = parser.parse_args()
    checkpoint = large_checkpoint(arguments.cache, arguments.size)
    results: dict[str, dict[str, list[Run]]] = {}
    for precision in arguments.precision:
        ways: dict[str, Callable[[Path, Path, str], Run]] = {"optimum-cli": _optimum, "modelyard": convert}
        results[precision] = {name: [] for name in ways}
        for turn in range(arguments.rounds):
            for name in sorted(ways, reverse=turn % 2 == 1):
                with tempfile.TemporaryDirectory(dir=arguments.cache) as scratch:
                    Console().print(f"{precision}: {name} ...")
                    results[precision][name].append(ways[name](checkpoint, Path(scratch), precision))
    _show(arguments.size, results)
    machine = {"cpu": platform.processor() or platform.machine(), "processors": os.cpu_count()}
    report = {"size": arguments.size, "machine": machine, "runs": {}}
    report["runs"] = {
        key: {way: [asdict(run) for run in runs] for way, runs in level.items()} for key, level in results.items()
    }
    arguments.output.write_text(json.dumps(report) + "\n")
    Console().print(f"written to {arguments.output}")


def _optimum(checkpoint: Path, scratch: Path, precision: str) -> Run:
    tool = Path(sys.executable).with_name("optimum-cli")
    task = ["--task", "text-generation-with-past"]
    command = [tool, "export", "openvino", "-m", checkpoint, *task, *FLAGS[precision], scratch / "exported"]
    return _run(command, scratch / "log")


def convert(checkpoint: Path, scratch: Path, precision: str) -> Run:
    """With `modelyard convert`, into `scratch`/repository/benched."""
    scratch.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "modelyard", "convert", checkpoint, "--name", "benched", "--precision", precision]
    return _run([*command, "--repository", scratch / "repository"], scratch / "log")


def _run(command: list[str | Path], log: Path) -> Run:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    run = watch(command, log=log, env=environment)
    if run.code:
        shutil.copyfileobj(log.open(errors="replace"), sys.stderr)
        sys.exit(f"error: {command[0]} ended with code {run.code}")
    return run


def _show(size: str, results: dict[str, dict[str, list[Run]]]) -> None:
    table = Table(title=f"{size} parameters in bfloat16; the median of each figure; memory in GiB")
    for column in ("precision", "way", "time s", "CPU s", "held", "mapped", "peak", "time vs", "peak vs"):
        table.add_column(column, justify="left" if column in ("precision", "way") else "right")
    for precision, level in results.items():
        figures = {name: _medians(runs) for name, runs in level.items()}
        theirs = figures["optimum-cli"]
        for name, own in figures.items():
            ratios = own["seconds"] / theirs["seconds"], own["total"] / theirs["total"]
            goal = ""
            if name == "modelyard":
                goal = " [green]ok[/]" if ratios[0] <= GOAL_TIME and ratios[1] <= GOAL_MEMORY else " [red]missed[/]"
            memory = [f"{own[key] / _GiB:.2f}" for key in ("anonymous", "mapped", "total")]
            times = f"{own['seconds']:.1f}", f"{own['cpu_s']:.1f}"
            table.add_row(precision, name, *times, *memory, f"{ratios[0]:.2f}", f"{ratios[1]:.2f}{goal}")
        table.add_section()
    Console(width=110).print(table)  # a pipe would be taken for 80 columns
    Console().print(f"goal: at most {GOAL_TIME} times the time and {GOAL_MEMORY} of the peak memory of optimum-cli")


def _medians(runs: list[Run]) -> dict[str, float]:
    flat: list[dict[str, Any]] = [asdict(run) | asdict(run.used) for run in runs]
    return {
        key: sorted(figures[key] for figures in flat)[(len(flat) - 1) // 2]
        for key in ("seconds", "cpu_s", "anonymous", "mapped", "total")
    }


def bench_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "modelyard-bench"


if __name__ == "__main__":
    main()

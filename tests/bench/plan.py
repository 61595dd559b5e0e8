"""`make bench-plan`: tokens per second as `modelyard plan` foretells them beside those that the engines reach.

Random weights of 0.6 B parameters, converted in each precision for OpenVINO, and a GGUF file in each quantization for
llama.cpp. The plan is made anew beside each run, since other work on the machine slows both; of a GGUF file the plan
sees a stand-in, as it does of one on the hub.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from converters import engine_probe
from modelyard.host import threads
from modelyard.settings import Settings
from tests.bench.convert import bench_cache, convert
from tests.bench.large_checkpoints import SIZES, large_checkpoint, large_gguf
from tests.converters.stand_ins import write_gguf_stand_in

GOAL = 0.15
PRECISIONS = ("fp16", "int8", "int4", "int4-cw")
QUANTIZATIONS = ("F16", "Q8_0", "Q4_0", "Q4_K_M")
_CONTEXT = 2 * 100  # half of it is what the run's cache has on average: 84 tokens of prompt, 24 of the answer


@dataclass(frozen=True)
class Model:
    """Something that an engine can be asked to run, and what is to be planned: `options` belong to that."""

    engine: str
    precision: str
    path: Path
    planned: Path
    options: tuple[str, ...] = ()


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-plan", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="0.6B")
    parser.add_argument("--weights", nargs="+", choices=PRECISIONS + QUANTIZATIONS, default=PRECISIONS + QUANTIZATIONS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=bench_cache(), help="folder where checkpoints are kept")
    arguments = parser.parse_args()
    table = Table(title=f"{arguments.size} parameters, one stream, {threads()} threads; the median of each figure")
    for column in (
        "engine",
        "weights",
        "GB/s of memory",
        "foretold tokens/s",
        "reached tokens/s",
        "reached / foretold",
    ):
        table.add_column(column, justify="left" if column in ("engine", "weights") else "right")
    with tempfile.TemporaryDirectory(dir=arguments.cache) as scratch:
        for model in _models(arguments.cache, arguments.size, arguments.weights, Path(scratch)):
            runs = [_run(model, Path(scratch)) for _ in range(arguments.rounds)]
            bandwidth, foretold, reached = (sorted(each)[len(runs) // 2] for each in zip(*runs, strict=True))
            ratio = sorted(run[2] / run[1] for run in runs)[len(runs) // 2]
            verdict = "[green]ok[/]" if abs(ratio - 1) <= GOAL else "[red]missed[/]"
            figures = f"{bandwidth / 1e9:.1f}", f"{foretold:.1f}", f"{reached:.1f}", f"{ratio:.2f} {verdict}"
            table.add_row(model.engine, model.precision, *figures)
            Console().print(f"{model.engine} {model.precision}: {ratio:.2f}")
    Console(width=110).print(table)
    Console().print(f"goal: within {GOAL:.0%}")


def _models(cache: Path, size: str, wanted: Collection[str], scratch: Path) -> Iterator[Model]:
    checkpoint = large_checkpoint(cache, size)
    for precision in (name for name in PRECISIONS if name in wanted):
        convert(checkpoint, scratch / precision, precision)
        entry = scratch / precision / "repository/benched/1"
        yield Model("openvino", precision, entry, checkpoint, ("--precision", precision))
    for quantization in (name for name in QUANTIZATIONS if name in wanted):
        file = large_gguf(cache, size, quantization)
        yield Model("llamacpp", quantization, file, write_gguf_stand_in(file, scratch / file.name))


def _run(model: Model, scratch: Path) -> tuple[float, float, float]:
    """Bandwidth, and tokens per second as foretold and as reached."""
    command = [sys.executable, "-m", "modelyard", "plan", model.planned, *model.options, "--context", str(_CONTEXT)]
    told = json.loads(_output([*command, "--measure", "--json", "--repository", scratch / "planned"]))
    command = [Settings().engine_python, engine_probe.__file__, model.engine, model.path, str(threads())]
    reached = json.loads(_output(command).splitlines()[-1])["decode"]
    return told["host"]["bandwidth"], told["tokens_per_s"], reached


def _output(command: Sequence[str | Path]) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"error: {' '.join(map(str, command))}:\n{done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    main()

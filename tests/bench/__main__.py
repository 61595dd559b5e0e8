"""Runs the contenders in turn, round by round, then the proxies; prints tables and writes bench-<date>.json.

This machine's speed drifts, so only the ratios within one run mean something: each round pairs all contenders.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import statistics
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table
from transformers import AutoTokenizer

from tests.bench import proxies
from tests.bench.contenders import BareGrpc, Contender, Gateway, InProcess, Sample, Work, tokens_per_second
from tests.system.service import ROOT, serving

GOAL_FIRST_MS, GOAL_RATIO = 3.0, 0.9


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--repository", type=Path, default=ROOT / "model_repository")
    parser.add_argument("--model", default="demo", help="an entry of the repository")
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--message", default="Write a long text about Modelyard.")
    parser.add_argument("--output", type=Path, default=Path(time.strftime("bench-%Y%m%d-%H%M%S.json")))
    arguments = parser.parse_args()
    uvloop.run(bench(arguments))


async def bench(arguments: argparse.Namespace) -> None:
    folder = arguments.repository / arguments.model / "1"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    chat = [{"role": "user", "content": arguments.message}]
    prompt = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    work = Work(arguments.message, prompt, arguments.max_tokens)
    inprocess = InProcess(ROOT / ".envs/engine/bin/python", folder, work)
    with (
        tempfile.TemporaryDirectory() as logs,
        serving(arguments.repository, Path(logs), "--model", arguments.model) as service,
    ):
        service.wait_until_ready()
        bare = BareGrpc(service.grpc_port, arguments.model, work)
        contenders: list[Contender] = [Gateway(service.port, arguments.model, work), bare, inprocess]
        results = {}
        for streams in arguments.streams:
            results[streams] = await _level(contenders, streams, arguments.rounds)
        await bare.close()
        # They ask by loops of their own.
        spent = await asyncio.to_thread(proxies.compare, service, Path(logs), arguments)
    inprocess.close()
    report = {
        "model": arguments.model,
        "max_tokens": arguments.max_tokens,
        "rounds": arguments.rounds,
        "machine": {"cpu": _cpu(), "python": platform.python_version()},
        "levels": {str(streams): _figures(level) for streams, level in results.items()},
        "proxies": {
            str(streams): {name: asdict(each) for name, each in level.items()} for streams, level in spent.items()
        },
    }
    _show(report)
    proxies.show(spent, arguments)
    arguments.output.write_text(json.dumps(report, indent=2) + "\n")
    Console().print(f"written to {arguments.output}")


async def _level(contenders: list[Contender], streams: int, rounds: int) -> dict[str, list[list[Sample]]]:
    """Per contender the samples of each run; the order turns, so that none always comes first."""
    runs: dict[str, list[list[Sample]]] = {contender.name: [] for contender in contenders}
    for contender in contenders:
        await contender.run(streams)  # warm-up: prefix cache, connections, kernels of this batch size
    for turn in range(rounds):
        for place in range(len(contenders)):
            contender = contenders[(turn + place) % len(contenders)]
            for _ in range(max(1, 4 // streams)):  # one stream is over quickly: a round has several
                runs[contender.name].append(await contender.run(streams))
    return runs


def _figures(level: dict[str, list[list[Sample]]]) -> dict[str, dict[str, float]]:
    figures = {}
    for name, runs in level.items():
        streams = [sample for samples in runs for sample in samples]
        figures[name] = {
            "first_token_ms": statistics.median(sample.first_s for sample in streams) * 1e3,
            "first_token_p95_ms": statistics.quantiles((s.first_s for s in streams), n=20)[-1] * 1e3,
            "tokens_per_s": statistics.median(tokens_per_second(samples) for samples in runs),
        }
    return figures


def _show(report: dict) -> None:
    table = Table(
        title=f"{report['model']}, {report['max_tokens']} tokens a stream, medians of {report['rounds']} paired rounds"
    )
    for column in ("streams", "way", "first ms", "p95 ms", "tokens/s", "first vs bare", "tokens/s vs bare"):
        table.add_column(column, justify="left" if column == "way" else "right")
    for streams, level in report["levels"].items():
        bare = level["bare gRPC"]
        for name, figures in level.items():
            more_ms = figures["first_token_ms"] - bare["first_token_ms"]
            ratio = figures["tokens_per_s"] / bare["tokens_per_s"]
            goal = ""
            if name == "gateway":
                goal = " [green]ok[/]" if more_ms <= GOAL_FIRST_MS and ratio >= GOAL_RATIO else " [red]missed[/]"
            table.add_row(
                streams,
                name,
                f"{figures['first_token_ms']:.2f}",
                f"{figures['first_token_p95_ms']:.2f}",
                f"{figures['tokens_per_s']:.0f}",
                f"{more_ms:+.2f} ms",
                f"{ratio:.2f}{goal}",
            )
        table.add_section()
    console = Console(width=100)  # a pipe would be taken for 80 columns
    console.print(table)
    Console().print(
        f"goal: first token at most +{GOAL_FIRST_MS:.0f} ms, tokens/s at least {GOAL_RATIO} of the bare client"
    )


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor()


if __name__ == "__main__":
    main()

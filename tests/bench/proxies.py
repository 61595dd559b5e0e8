"""What a proxy's own process spends on a streamed token: the gateway, and LiteLLM's proxy in front of the same service.

Processor time of the proxy's process alone, so neither the engine nor the client counts; paired round by round.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from rich.console import Console
from rich.table import Table

from tests.system.service import ROOT, Service, free_port, serving

KEY = "sk-bench"  # LiteLLM does not start without one; the gateway does not look
LITELLM = ROOT / ".envs/litellm/bin/litellm"


@dataclass(frozen=True)
class Proxy:
    name: str
    port: int
    process: psutil.Process

    def cpu_s(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)


@dataclass(frozen=True)
class Spent:
    """Of one round: processor seconds a token of the proxy, and the median of the first tokens' times."""

    cpu_s: float
    first_s: float
    tokens_per_s: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-proxy", description=__doc__)
    parser.add_argument("--repository", type=Path, default=ROOT / "model_repository")
    parser.add_argument("--model", default="demo", help="an entry of the repository")
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--max-tokens", type=int, default=256)
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(arguments.repository, Path(folder), "--model", arguments.model) as service,
    ):
        service.wait_until_ready()
        figures = compare(service, Path(folder), arguments)
    show(figures, arguments)


def compare(service: Service, folder: Path, arguments: argparse.Namespace) -> dict[int, dict[str, Spent]]:
    """What each proxy spends, by the number of streams. `arguments`: model, streams, rounds, max_tokens."""
    with _litellm(folder, service.url, arguments.model) as litellm:
        gateway = Proxy("gateway", service.port, psutil.Process(service.process.pid))
        return {streams: _level((gateway, litellm), streams, arguments) for streams in arguments.streams}


def show(found: dict[int, dict[str, Spent]], arguments: argparse.Namespace) -> None:
    table = Table(title=f"{arguments.model}, proxies, medians of {arguments.rounds} paired rounds")
    for column in ("streams", "proxy", "processor time a token", "first token", "tokens/s", "of LiteLLM's time"):
        table.add_column(column, justify="left" if column == "proxy" else "right")
    for streams, figures in found.items():
        for name, spent in figures.items():
            ratio = spent.cpu_s / figures["LiteLLM"].cpu_s
            goal = ""
            if name == "gateway":
                goal = " [green]ok[/]" if ratio < 1 else " [red]missed[/]"
            table.add_row(
                str(streams),
                name,
                f"{spent.cpu_s * 1e6:.0f} µs",
                f"{spent.first_s * 1e3:.1f} ms",
                f"{spent.tokens_per_s:.0f}",
                f"{ratio:.2f}{goal}",
            )
        table.add_section()
    console = Console(width=100)
    console.print(table)
    console.print("goal: the gateway spends less than LiteLLM's proxy, which has the gateway as its engine here")


def _level(proxies: tuple[Proxy, ...], streams: int, arguments: argparse.Namespace) -> dict[str, Spent]:
    rounds: dict[str, list[Spent]] = {proxy.name: [] for proxy in proxies}
    for turn in range(arguments.rounds + 1):
        for proxy in proxies if turn % 2 else proxies[::-1]:
            spent = asyncio.run(_round(proxy, streams, arguments))
            if turn:  # the first one warms up
                rounds[proxy.name].append(spent)
    return {
        name: Spent(
            statistics.median(each.cpu_s for each in found),
            statistics.median(each.first_s for each in found),
            statistics.median(each.tokens_per_s for each in found),
        )
        for name, found in rounds.items()
    }


async def _round(proxy: Proxy, streams: int, arguments: argparse.Namespace) -> Spent:
    before, started = proxy.cpu_s(), time.perf_counter()
    address, headers = f"http://127.0.0.1:{proxy.port}", {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=120, trust_env=False) as http:
        samples = await asyncio.gather(*(_stream(http, number, arguments) for number in range(streams)))
    seconds = time.perf_counter() - started
    tokens = sum(count for _, count in samples)
    return Spent((proxy.cpu_s() - before) / tokens, statistics.median(first for first, _ in samples), tokens / seconds)


async def _stream(http: httpx.AsyncClient, number: int, arguments: argparse.Namespace) -> tuple[float, int]:
    """Seconds to the first text, and the tokens of the answer."""
    body = {
        "model": arguments.model,
        "messages": [{"role": "user", "content": f"Write a long text about Modelyard. ({number})"}],
        "max_tokens": arguments.max_tokens,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    started, first_s, last = time.perf_counter(), 0.0, {}
    async with http.stream("POST", "/v1/chat/completions", json=body) as answer:
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            if line.startswith("data: {"):
                last = json.loads(line[6:])
                first_s = first_s or time.perf_counter() - started
    return first_s, last["usage"]["completion_tokens"]


@contextlib.contextmanager
def _litellm(folder: Path, url: str, model: str) -> Iterator[Proxy]:
    port, config = free_port(), folder / "litellm.yaml"
    entry = {
        "model_name": model,
        "litellm_params": {"model": f"openai/{model}", "api_base": f"{url}/v1", "api_key": "x"},
    }
    config.write_text(json.dumps({"model_list": [entry], "litellm_settings": {"telemetry": False}}))
    # Its list of prices would be fetched from the web at the start.
    environment = os.environ | {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MASTER_KEY": KEY, "NO_PROXY": "*"}
    command = [LITELLM, "--config", config, "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    with (folder / "litellm.log").open("wb") as log:
        process = subprocess.Popen(list(map(str, command)), env=environment, stdout=log, stderr=log)
    try:
        for _ in range(600):
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"http://127.0.0.1:{port}/health/liveliness", trust_env=False).status_code == 200:
                    break
            if process.poll() is not None:
                raise RuntimeError((folder / "litellm.log").read_text()[-2000:])
            time.sleep(0.2)
        yield Proxy("LiteLLM", port, psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait(30)


if __name__ == "__main__":
    main()

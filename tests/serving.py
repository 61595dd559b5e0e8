"""A real Triton over a repository, and a bare client of its language models, for as long as a block runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from modelyard.engine.distribution import find_distribution
from modelyard.engine.log_lines import LogLine
from modelyard.engine.process import TritonProcess
from modelyard.settings import Settings
from tests.backends.triton_client import Client


@asynccontextmanager
async def serving(repository: Path) -> AsyncIterator[Client]:
    """Models are loaded by `client.load(name)`."""
    log: list[LogLine] = []
    process = await TritonProcess.launch(
        find_distribution(Settings().engine_python), repository=repository, log=log.append
    )
    client = Client(process.grpc_address, f"http://127.0.0.1:{process.metrics_port}/metrics")
    try:
        yield client
        assert process.returncode is None, (process.returncode, [line.text for line in log[-12:]])
    finally:
        await client.close()
        await process.stop()

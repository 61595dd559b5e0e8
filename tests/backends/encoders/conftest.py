"""Encoders in a real Triton: converted as a user's would be, each once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from modelyard.engine.distribution import Distribution
from modelyard.engine.log_lines import LogLine
from modelyard.engine.process import TritonProcess
from tests.backends.encoders.encoder_client import EncoderClient
from tests.converters.conftest import carry_out
from tests.converters.encoder_checkpoints import minilm


class Encoders:
    """A Triton and its repository; `serve` converts a checkpoint and loads it."""

    def __init__(self, repository: Path, client: EncoderClient) -> None:
        self.repository = repository
        self.client = client

    async def serve(self, name: str, checkpoint: Path, **wishes: Any) -> str:
        if not (self.repository / name).exists():
            await asyncio.to_thread(carry_out, checkpoint, self.repository, name=name, **wishes)
        await self.client.load(name)
        return name

    def tell(self, name: str, **parameters: str) -> None:
        """Add parameters to an entry's config.pbtxt."""
        lines = [
            f'parameters {{ key: "{key}" value {{ string_value: "{value}" }} }}' for key, value in parameters.items()
        ]
        with (self.repository / name / "config.pbtxt").open("a") as file:
            file.write("\n".join(["", *lines, ""]))


@pytest.fixture(scope="session")
def encoder_log() -> list[LogLine]:
    """What Triton has said so far."""
    return []


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def encoders(
    distribution: Distribution, tmp_path_factory: pytest.TempPathFactory, encoder_log: list[LogLine]
) -> AsyncIterator[Encoders]:
    repository = tmp_path_factory.mktemp("encoders") / "repository"
    repository.mkdir()
    process = await TritonProcess.launch(distribution, repository=repository, log=encoder_log.append)
    client = EncoderClient(process.grpc_address, f"http://127.0.0.1:{process.metrics_port}/metrics")
    yield Encoders(repository, client)
    await client.close()
    assert process.returncode is None, (process.returncode, [line.text for line in encoder_log[-12:]])
    await process.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def minilm_fp16(encoders: Encoders) -> str:
    """all-MiniLM-L6-v2, the real weights."""
    return await encoders.serve("minilm-fp16", minilm(), precision="fp16")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def minilm_int8(encoders: Encoders) -> str:
    return await encoders.serve("minilm-int8", minilm(), precision="int8")

"""Tiny GGUF files in a real Triton with llama.cpp, once for all tests of this folder."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from modelyard.engine.distribution import Distribution
from modelyard.engine.log_lines import LogLine
from modelyard.engine.process import TritonProcess
from tests.backends.triton_client import Client
from tests.converters.gguf_files import CONTEXT, write_adapter, write_gguf

AddEntry = Callable[..., Path]


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gguf-repository")


@pytest.fixture(scope="session")
def add_entry(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> AddEntry:
    """Make an entry: `add_entry("name", "Q4_0", N_PARALLEL="2")`.

    The model says that it was made for the entry's context, since llama.cpp takes no longer one.
    """
    made: dict[tuple[str, str, int], Path] = {}
    files = tmp_path_factory.mktemp("gguf")

    def add(name: str, quantization: str = "Q8_0", architecture: str = "llama", **parameters: str) -> Path:
        folder = repository / name
        if not folder.exists():  # else a test is repeated
            kind = quantization, architecture, int(parameters.get("CONTEXT_LENGTH", CONTEXT))
            if kind not in made:
                made[kind] = write_gguf(files / f"{len(made)}.gguf", *kind[:2], context=kind[2])
            (folder / "1").mkdir(parents=True)
            shutil.copy(made[kind], folder / "1" / "model.gguf")
            lines = [
                f'parameters {{ key: "{key}" value {{ string_value: "{parameters[key]}" }} }}' for key in parameters
            ]
            (folder / "config.pbtxt").write_text("\n".join(['backend: "llamacpp"', *lines]))
        return folder

    return add


@pytest.fixture(scope="session")
def log() -> list[LogLine]:
    """What Triton has said so far."""
    return []


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def triton(
    distribution: Distribution, repository: Path, add_entry: AddEntry, log: list[LogLine]
) -> AsyncIterator[TritonProcess]:
    # Every figure in 32 bits: an answer then does not depend on what else is computed at the same time.
    folder = add_entry("tiny", "F32", CONTEXT_LENGTH="512", N_PARALLEL="4", CACHE_TYPE_K="f32", CACHE_TYPE_V="f32")
    write_adapter(folder / "1" / "adapters" / "other.gguf")
    process = await TritonProcess.launch(distribution, repository=repository, log=log.append)
    yield process
    assert process.returncode is None, (process.returncode, [line.text for line in log[-12:]])
    await process.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def client(triton: TritonProcess) -> AsyncIterator[Client]:
    """A client of a Triton in which the entry "tiny" is loaded."""
    connected = Client(triton.grpc_address, f"http://127.0.0.1:{triton.metrics_port}/metrics")
    await connected.load("tiny")
    yield connected
    await connected.close()

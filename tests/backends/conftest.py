"""A tiny model in a real Triton with the real engine, once for all tests of this folder."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from modelyard.engine.distribution import Distribution, find_distribution
from modelyard.engine.log_lines import LogLine
from modelyard.engine.process import TritonProcess
from modelyard.settings import Settings
from tests.backends.triton_client import Client
from tests.made_once import made_once

_MAKER = Path(__file__).with_name("tiny_model.py")


@pytest.fixture(scope="session")
def version_folder(request: pytest.FixtureRequest) -> Path:
    """The tiny model."""
    return made_once(request.config, _MAKER)


@pytest.fixture(scope="session")
def distribution() -> Distribution:
    return find_distribution(Settings().engine_python)


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("repository")


@pytest.fixture(scope="session")
def add_entry(repository: Path, version_folder: Path) -> Callable[..., Path]:
    """Make an entry of the tiny model: `add_entry("name", DEVICE="CPU")`; the version folder is its own copy."""

    def add(name: str, **parameters: str) -> Path:
        folder = repository / name
        shutil.copytree(version_folder, folder / "1")
        lines = [
            f'parameters {{ key: "{key}" value {{ string_value: "{value}" }} }}' for key, value in parameters.items()
        ]
        (folder / "config.pbtxt").write_text("\n".join(['backend: "openvino_genai"', *lines]))
        return folder

    return add


@pytest.fixture(scope="session")
def log() -> list[LogLine]:
    """What Triton has said so far."""
    return []


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def triton(
    distribution: Distribution, repository: Path, add_entry: Callable[..., Path], log: list[LogLine]
) -> AsyncIterator[TritonProcess]:
    # In full precision an answer does not depend on what else is computed at the same time, or is in the cache.
    add_entry("tiny", KV_CACHE_PRECISION="f32", INFERENCE_PRECISION_HINT="f32")
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

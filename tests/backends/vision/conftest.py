"""Tiny vision-language models in a real Triton of their own, made once by the real converter."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from modelyard.engine.distribution import find_distribution
from modelyard.engine.log_lines import LogLine
from modelyard.engine.process import TritonProcess
from modelyard.settings import Settings
from tests.backends.triton_client import Client
from tests.converters.vision_checkpoints import FAMILIES
from tests.made_once import made_once

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[2]
_INGREDIENTS = (_ROOT / "tests/converters/vision_checkpoints.py",)


@pytest.fixture(scope="session")
def vision_made(request: pytest.FixtureRequest) -> Path:
    """What tiny_vision.py writes."""
    return made_once(request.config, _HERE / "tiny_vision.py", _INGREDIENTS)


@pytest.fixture(scope="session")
def answers(vision_made: Path) -> dict[str, dict[str, str]]:
    """What transformers answers, by family and by the pictures' seeds."""
    read: dict[str, dict[str, str]] = json.loads((vision_made / "expected.json").read_text())
    return read


@pytest.fixture(scope="session")
def vision_repository(vision_made: Path, version_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the entries, which tests may add to, and a model of text alone."""
    repository = Path(shutil.copytree(vision_made / "repository", tmp_path_factory.mktemp("vision") / "repository"))
    shutil.copytree(version_folder, repository / "blind" / "1")
    (repository / "blind" / "config.pbtxt").write_text('backend: "openvino_genai"')
    return repository


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def seeing(vision_repository: Path) -> AsyncIterator[Client]:
    """A client of a Triton in which all of them are loaded."""
    log: list[LogLine] = []
    process = await TritonProcess.launch(
        find_distribution(Settings().engine_python), repository=vision_repository, log=log.append
    )
    client = Client(process.grpc_address, f"http://127.0.0.1:{process.metrics_port}/metrics")
    for model in (*FAMILIES, "blind"):
        await client.load(model)
    yield client
    await client.close()
    assert process.returncode is None, (process.returncode, [line.text for line in log[-12:]])
    await process.stop()

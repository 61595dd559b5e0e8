"""The service that most system tests share: the demo checkpoint, converted and served by the command line."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.system.service import MODELYARD, ROOT, Service, environment, serving


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("system") / "model_repository"
    subprocess.run(
        [MODELYARD, "convert", "demo/checkpoint", "--name", "demo"],
        env=environment(model_repository=folder),
        cwd=ROOT,
        check=True,
    )
    return folder


@pytest.fixture(scope="session")
def service(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(repository, tmp_path_factory.mktemp("logs")) as running:
        running.wait_until_ready()
        yield running


@pytest.fixture
def client(service: Service) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key="none", max_retries=0) as made:
        yield made


@pytest.fixture
async def async_client(service: Service) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{service.url}/v1", api_key="none", max_retries=0)

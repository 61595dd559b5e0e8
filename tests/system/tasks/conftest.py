"""One service with a tiny model of every task but text generation."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.made_once import made_once
from tests.system.service import ROOT, Service, serving

_INGREDIENTS = [ROOT / f"tests/converters/{kind}_checkpoints.py" for kind in ("encoder", "image", "speech")]
_MODELS = ("embedder", "ranker", "judge", "painter", "listener", "speaker")


@pytest.fixture(scope="session")
def tiny_tasks(request: pytest.FixtureRequest) -> Path:
    """The repository; do not write into it."""
    return made_once(request.config, Path(__file__).with_name("tiny_tasks.py"), _INGREDIENTS)


@pytest.fixture(scope="session")
def tasks(tiny_tasks: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("tasks")
    repository = Path(shutil.copytree(tiny_tasks, folder / "model_repository"))
    with serving(repository, folder, models=",".join(_MODELS), max_audio_seconds=5) as running:
        running.wait_until_ready()
        yield running


@pytest.fixture
def asked(tasks: Service) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{tasks.url}/v1", api_key="none", max_retries=0) as made:
        yield made

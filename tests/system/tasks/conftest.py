"""One service with a tiny model of every task but text generation."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import openai
import pytest

from tests.system.service import ROOT, Service, serving

_INGREDIENTS = (
    Path(__file__).with_name("tiny_tasks.py"),
    *(ROOT / f"tests/converters/{kind}_checkpoints.py" for kind in ("encoder", "image", "speech")),
    *sorted((ROOT / "converters/exporters").glob("*.py")),
)
_MODELS = ("embedder", "ranker", "judge", "painter", "listener", "speaker")


@pytest.fixture(scope="session")
def tiny_tasks(request: pytest.FixtureRequest) -> Path:
    """The repository. Making it takes a minute, so it is kept between runs; do not write into it."""
    texts = b"".join(path.read_bytes() for path in _INGREDIENTS)
    texts += "".join(map(version, ("optimum-intel", "openvino", "diffusers", "transformers"))).encode()
    kept = request.config.cache.mkdir("tiny-tasks") / hashlib.sha256(texts).hexdigest()[:16]
    if not kept.exists():
        with tempfile.TemporaryDirectory(dir=kept.parent) as scratch:
            # In a process of its own: PyTorch would stay in this one's memory.
            command = [sys.executable, _INGREDIENTS[0], f"{scratch}/repository"]
            done = subprocess.run(command, check=False, capture_output=True, timeout=500, cwd=ROOT)
            assert done.returncode == 0, done.stderr[-3000:].decode(errors="replace")
            Path(scratch, "repository").rename(kept)
    return kept


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

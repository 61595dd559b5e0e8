"""A model that sees, asked through the gateway in both dialects: it answers what transformers answers."""

from __future__ import annotations

import base64
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest
from PIL import Image

from tests.backends.vision.conftest import vision_made  # noqa: F401 - a fixture
from tests.backends.vision.tiny_vision import prompt
from tests.converters.vision_checkpoints import picture
from tests.system.service import Service, serving

MODEL = "qwen2_vl"


@pytest.fixture(scope="module")
def seeing(vision_made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:  # noqa: F811
    folder = tmp_path_factory.mktemp("seeing")
    repository = folder / "model_repository"
    shutil.copytree(vision_made / "repository" / MODEL, repository / MODEL)
    with serving(repository, folder, models=MODEL) as running:
        running.wait_until_ready()
        yield running


def _png(seed: int) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture(seed)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


@pytest.mark.proves("POST /api/generate", "images", "honoured")
@pytest.mark.parametrize("seeds", [(), (0,), (1, 0)])
def test_the_answer_is_that_of_transformers(seeing: Service, vision_made: Path, seeds: tuple[int, ...]) -> None:  # noqa: F811
    wish = {
        "model": MODEL,
        "raw": True,
        "stream": False,
        "prompt": prompt(MODEL, seeds),
        "images": [_png(seed) for seed in seeds],
        "options": {"temperature": 0, "num_predict": 10},
    }
    answer = httpx.post(f"{seeing.url}/api/generate", json=wish, timeout=120, trust_env=False)
    assert answer.json()["response"] == json.loads((vision_made / "expected.json").read_text())[MODEL][str(seeds)]


@pytest.mark.proves("POST /v1/chat/completions", "messages", "honoured")
def test_a_picture_in_a_message_is_seen(seeing: Service) -> None:
    said = set()
    with openai.OpenAI(base_url=f"{seeing.url}/v1", api_key="none", max_retries=0) as client:
        for seed in (0, 1):
            address = {"url": f"data:image/png;base64,{_png(seed)}"}
            parts = [{"type": "text", "text": "Hello"}, {"type": "image_url", "image_url": address}]
            answer = client.chat.completions.create(
                model=MODEL,
                temperature=0,
                max_tokens=10,
                messages=[{"role": "user", "content": parts}],  # type: ignore[list-item,misc]
            )
            said.add(answer.choices[0].message.content)
    assert len(said) == 2, "two pictures, two answers"

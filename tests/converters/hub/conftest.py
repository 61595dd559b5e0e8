"""A hub, a cache and a small model for each test; nobody's own token or cache is touched."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from converters.hub.access import Hub, Patience
from tests.hub_server import HubServer

ID = "acme/tiny"
# Waits that a test need not sit through; the answers asked for with Retry-After are waited for in full.
IMPATIENT = Patience(attempts=3, first_wait_s=0.01, longest_wait_s=0.05, answer_timeout_s=1.0)


def point_library_at(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As HF_ENDPOINT does, which the library reads when it is imported."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}")


@pytest.fixture(autouse=True)
def nobodys_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    point_library_at("http://127.0.0.1:9", monkeypatch)  # whoever asks it instead of what was named is refused
    for variable in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


@pytest.fixture
def server() -> Iterator[HubServer]:
    with HubServer() as running:
        yield running


@pytest.fixture
def mirror() -> Iterator[HubServer]:
    with HubServer() as running:
        yield running


@pytest.fixture
def hub(server: HubServer, tmp_path: Path) -> Hub:
    return Hub((server.url,), tmp_path / "cache", patience=IMPATIENT)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of two large files and two small ones, 800 kB together."""
    made = tmp_path / "model"
    made.mkdir()
    chance = random.Random(7)
    (made / "config.json").write_text('{"model_type": "tiny"}')
    (made / "tokenizer.json").write_text("{}")
    (made / "model-00001-of-00002.safetensors").write_bytes(chance.randbytes(500_000))
    (made / "model-00002-of-00002.safetensors").write_bytes(chance.randbytes(300_000))
    return made

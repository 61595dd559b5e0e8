"""What most tests of the gateway share: one Triton with three parrots, and one gateway in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.gateway.running import Gateway, Triton, add_parrot, serving


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEY", "API_KEY_FILE", "TRITON_URLS", "DEFAULT_MODEL", "CHAT_SYSTEM"):
        monkeypatch.delenv(f"MODELYARD_{name}", raising=False)


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gateway") / "repository"
    folder.mkdir()
    add_parrot(folder, "parrot")
    add_parrot(folder, "sick", FAIL_TO_LOAD="1")
    return folder


@pytest.fixture(scope="session")
def triton(repository: Path) -> Iterator[Triton]:
    running = Triton(repository, repository.parent / "triton.log")
    yield running
    running.close()


@pytest.fixture(scope="session")
def gateway(triton: Triton, repository: Path) -> Iterator[Gateway]:
    with serving([triton.url], model_repository=repository, default_model="parrot", request_timeout_s=60) as running:
        yield running


@pytest.fixture
def http(gateway: Gateway) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gateway.url, timeout=60, trust_env=False) as client:
        yield client

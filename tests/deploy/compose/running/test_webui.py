"""Open WebUI with the settings that we give it: a first visitor makes an account and is answered by a model."""

from __future__ import annotations

import contextlib
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.deploy.building import built
from tests.deploy.compose.files import COMPOSE
from tests.deploy.compose.running.stack import KEY, Stack, free_port, running, variables_to_run, wait_until
from tests.deploy.engine import Engine
from tests.deploy.images import containers
from tests.deploy.images.containers import docker

_TOOLS = Path(__file__).with_name("tools")
# It imports half of PyPI: a minute on two idle processors.
_START_S = 600.0


@pytest.fixture(scope="module")
def image(engine: Engine) -> str:
    """Open WebUI from PyPI, in the version that compose.webui.yml names."""
    named: str = yaml.safe_load((COMPOSE / "compose.webui.yml").read_text())["services"]["webui"]["image"]
    version = named.rstrip("}").rpartition(":v")[2]
    tag = f"modelyard-test/open-webui:{version}"
    command = ["docker", "build", "--quiet", "--target=open-webui", f"--build-arg=VERSION={version}", f"--tag={tag}"]
    subprocess.run([*command, str(_TOOLS)], check=True)
    return tag


@pytest.fixture(scope="module")
def stack(engine: Engine, image: str, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    for key in ("balancer", "gateway", "triton-openvino"):
        built(key)
    folder = tmp_path_factory.mktemp("webui")
    made = Stack(
        files=("cpu", "webui"),
        variables={
            **variables_to_run(models, folder),
            "MODELYARD_MODELS": "demo",
            "MODELYARD_WEBUI_IMAGE": image,
            "MODELYARD_WEBUI_PORT": str(free_port()),
        },
        folder=folder,
    )
    with running(made, "balancer", "gateway", "triton", "webui") as ready:
        yield ready


@pytest.fixture(scope="module")
def visitor(stack: Stack) -> Iterator[httpx.Client]:
    """The first who comes, signed up and so its administrator."""
    url = f"http://127.0.0.1:{stack.variables['MODELYARD_WEBUI_PORT']}"
    with httpx.Client(base_url=url, trust_env=False, timeout=120.0) as client:

        def is_up() -> bool:
            with contextlib.suppress(httpx.TransportError):
                return client.get("/health").status_code == 200
            return False

        containers.wait_until(is_up, stack.logs, _START_S)
        account = {"name": "Anna", "email": "anna@example.org", "password": "a long enough password"}
        answer = client.post("/api/v1/auths/signup", json=account)
        assert answer.status_code == 200, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        yield client


def test_it_lists_our_models(visitor: httpx.Client) -> None:
    listed = visitor.get("/api/models").json()["data"]
    assert "demo" in {model["id"] for model in listed}


def test_a_chat_is_answered(visitor: httpx.Client, stack: Stack) -> None:
    """Asked as its page asks: a chat of a session, to which it would add tools of its own."""
    question, answer = (str(uuid.uuid4()) for _ in range(2))
    body = {
        "model": "demo",
        "stream": True,
        "params": {},
        "features": {"memory": True},
        "session_id": "of-no-socket",
        "id": answer,
        "message_ids": [{"model_id": "demo", "message_id": answer, "modelIdx": 0}],
        "parent_id": None,
        "user_message": {
            "id": question,
            "parentId": None,
            "childrenIds": [answer],
            "role": "user",
            "content": "What is Modelyard?",
            "models": ["demo"],
        },
    }
    chat: str = visitor.post("/api/chat/completions", json=body).json()["chat_id"]

    def said() -> dict[str, Any]:
        kept: dict[str, Any] = visitor.get(f"/api/v1/chats/{chat}").json()["chat"]["history"]["messages"][answer]
        return kept

    wait_until(lambda: bool(said().get("done") or said().get("error")), said)
    assert not said().get("error"), said()
    assert "model" in said()["content"].lower()
    assert "/v1/chat/completions" in stack.compose("logs", "--no-color", "gateway").stdout


def test_no_key_is_told_by_the_engine(stack: Stack) -> None:
    (container,) = stack.containers("webui")
    assert KEY not in docker("inspect", container)

"""The official `ollama` client, unmodified, has a model fetched from a hub, converted and answer; and what is refused
where changes are switched off."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import ollama
import pytest

from tests.converters.checkpoints import write_checkpoint
from tests.gateway.running import ROOT, Gateway, Triton, serving
from tests.hub_server import HubServer

PULL = "POST /api/pull"
proves = pytest.mark.proves


@pytest.fixture(scope="module")
def puller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway in front of an empty repository, with a hub that has one model."""
    folder = tmp_path_factory.mktemp("pulled")
    repository = folder / "repository"
    repository.mkdir()
    triton = Triton(repository, folder / "triton.log", backends=ROOT / "backends")
    try:
        with HubServer() as hub:
            hub.add_model("acme/tiny", write_checkpoint(folder / "tiny"))
            with serving(
                [triton.url],
                model_repository=repository,
                hub_endpoints=[hub.url],
                cache_dir=folder / "cache",
                convert_python=Path(sys.executable),
            ) as running:
                yield running
    finally:
        triton.close()


@proves(PULL, "", "honoured")
@proves(PULL, "model", "honoured")
@proves(PULL, "name", "honoured")
@proves(PULL, "stream", "honoured")
def test_a_model_is_pulled_and_answers_by_the_name_it_was_pulled_by(puller: Gateway) -> None:
    name = "hf.co/acme/tiny"
    with ollama.Client(host=puller.url, timeout=120, trust_env=False) as client:
        *progress, last = client.pull(name, stream=True)
        assert last.status == "success"
        assert (progress[0].status or "").startswith("fetching")
        weights = [each for each in progress if each.digest == "model.safetensors"]
        assert weights[-1].completed == weights[-1].total
        assert (weights[-1].total or 0) > 100_000

        answer = client.chat(name, [{"role": "user", "content": "Hello"}], options={"num_predict": 4})
        assert (answer.model, answer.done) == (name, True)
        assert (answer.eval_count or 0) > 0
        assert client.generate("tiny", "Hello", options={"num_predict": 2}).done
        (listed,) = client.list().models
        assert listed.model == "tiny:latest"

        # What is there already is a success; `name` is the older name of `model`.
        again = httpx.post(f"{puller.url}/api/pull", json={"name": name, "stream": False}, timeout=120)
        assert (again.status_code, again.json()) == (200, {"status": "success"})


def test_a_repository_that_is_missing_is_a_404_or_the_last_line(puller: Gateway) -> None:
    with ollama.Client(host=puller.url, timeout=120, trust_env=False) as client:
        with pytest.raises(ollama.ResponseError, match="acme/none") as caught:
            client.pull("hf.co/acme/none")
        assert caught.value.status_code == 404
        with pytest.raises(ollama.ResponseError, match="acme/none"):
            list(client.pull("hf.co/acme/none", stream=True))


@pytest.mark.parametrize(
    ("method", "path", "given"),
    [
        ("POST", "/api/pull", {"model": "acme/tiny"}),
        ("POST", "/api/pull", {"model": "acme/tiny", "stream": False}),
        ("POST", "/api/create", {"model": "new", "from": "parrot"}),
        ("POST", "/api/create", {"model": "new", "from": "nobody"}),
        ("POST", "/api/create", {"model": "new", "from": "nobody", "stream": False}),
        ("POST", "/api/create", {"model": "new", "modelfile": "FROM hf.co/acme/none:Q4_0"}),
        ("POST", "/api/copy", {"source": "parrot", "destination": "new"}),
        ("POST", "/api/copy", {"source": "acme/none", "destination": "new"}),
        ("DELETE", "/api/delete", {"model": "parrot"}),
        ("DELETE", "/api/delete", {"model": "nobody"}),
    ],
)
def test_where_changes_are_switched_off_that_is_said_first(
    frozen: httpx.Client, method: str, path: str, given: dict[str, object]
) -> None:
    answer = frozen.request(method, path, json=given)
    assert answer.status_code == 403
    assert "MODELYARD_ALLOW_PULL" in answer.json()["error"]


@pytest.fixture(scope="module")
def frozen(triton: Triton, repository: Path) -> Iterator[httpx.Client]:
    with (
        serving([triton.url], model_repository=repository, allow_pull=False) as running,
        httpx.Client(base_url=running.url, timeout=60, trust_env=False) as http,
    ):
        yield http

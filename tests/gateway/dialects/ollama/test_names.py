"""A model is found by the name that it was pulled by, however that is written."""

from __future__ import annotations

from datetime import datetime, timezone

import httpx
import ollama
import pytest

from gateway.dialects.ollama.names import pulled_by
from gateway.domain.library import InstalledModel
from modelyard.card import ModelCard
from tests.gateway.dialects.ollama.conftest import PULLED

ENTRY = "bird-q4_k_m"


def _installed(name: str, source: str | None, year: int = 2026) -> InstalledModel:
    return InstalledModel(name, ModelCard(), modified=datetime(year, 1, 1, tzinfo=timezone.utc), source=source)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("org/model", "model"),
        ("org/model:latest", "model"),
        ("hf.co/org/model", "model"),
        ("https://huggingface.co/org/model", "model"),
        ("HuggingFace.co/org/model:latest", "model"),
        ("org/model:q4_k_m", "mine"),
        ("hf.co/org/model:Q4_K_M", "mine"),
        ("org/model:Q8_0", None),
        ("org/Model", None),
        ("other/model", None),
        ("hf.co/", None),
    ],
)
def test_a_reference_is_read_as_people_write_it(asked: str, found: str | None) -> None:
    installed = [
        _installed("own", None),
        _installed("model", "hf.co/org/model"),
        _installed("mine", "org/model:Q4_K_M"),
    ]
    model = pulled_by(asked, installed)
    assert (model.name if model is not None else None) == found


def test_of_several_the_one_with_a_pulls_name_is_meant_else_the_newest() -> None:
    tagged = "org/model:Q4_K_M"
    several = [_installed(name, tagged, year) for name, year in (("old", 2024), ("new", 2026), ("middle", 2025))]
    found = pulled_by(tagged, several)
    assert found is not None
    assert found.name == "new"
    found = pulled_by(tagged, [*several, _installed("model-q4_k_m", tagged, 2023)])
    assert found is not None
    assert found.name == "model-q4_k_m"


@pytest.mark.parametrize("name", [PULLED, "hf.co/org/bird:q4_k_m", f"huggingface.co/{PULLED}:latest"])
def test_it_answers_by_that_name(client: ollama.Client, name: str) -> None:
    assert client.generate(name, keep_alive="10m").done_reason == "load"
    running = {each.name: each for each in client.ps().models}[f"{ENTRY}:latest"]
    assert running.details is not None
    assert running.details.parent_model == PULLED
    answer = client.chat(name, [{"role": "user", "content": "words=1"}])
    assert (answer.model, answer.message.content) == (name, "polly ")
    pieces = client.generate(name, "words=2", stream=True, options={"num_ctx": 4096})
    assert "".join(each.response or "" for each in pieces) == "polly wants "
    with pytest.raises(ollama.ResponseError, match="does not make embeddings"):
        client.embed(name, "x")
    with pytest.raises(ollama.ResponseError, match="does not make embeddings"):
        client.embeddings(name, "x")
    assert (client.show(name).modelfile or "").startswith(f"FROM {ENTRY}\n")
    assert client.chat(name, [], keep_alive=0).done_reason == "unload"
    assert f"{ENTRY}:latest" not in {each.name for each in client.ps().models}


def test_it_is_copied_made_into_others_and_removed_by_that_name(client: ollama.Client, wire: httpx.Client) -> None:
    client.create("mocker", from_=f"hf.co/{PULLED}", system="Mock.")
    assert client.generate("mocker", "say=prompt").response == "<s> <system> Mock. <user> say=prompt <assistant>"
    # It came from there too, and is not what is meant.
    assert "Mock" not in (client.generate(PULLED, "say=prompt").response or "")
    client.delete("mocker")

    client.copy(f"hf.co/{PULLED}", "spare")
    client.delete(f"hf.co/{PULLED}")
    listed = {each.model for each in client.list().models}
    assert "spare:latest" in listed
    assert f"{ENTRY}:latest" not in listed
    client.copy("spare", ENTRY)
    client.delete("spare")
    assert client.generate(PULLED, "words=1").response == "polly "


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [
        ("POST", "/api/chat", "model"),
        ("POST", "/api/generate", "model"),
        ("POST", "/api/embed", "model"),
        ("POST", "/api/embeddings", "model"),
        ("POST", "/api/show", "model"),
        ("POST", "/api/copy", "source"),
        ("POST", "/api/create", "from"),
        ("DELETE", "/api/delete", "model"),
    ],
)
def test_what_was_not_pulled_is_said_by_the_name_that_was_asked_for(
    wire: httpx.Client, method: str, path: str, field: str
) -> None:
    texts = {"/api/embed": {"input": "x"}, "/api/copy": {"destination": "x"}, "/api/create": {"model": "x"}}
    answer = wire.request(method, path, json={field: "hf.co/org/none:Q8_0", **texts.get(path, {})})
    assert answer.status_code == 404
    assert answer.json() == {"error": "model 'hf.co/org/none:Q8_0' not found"}

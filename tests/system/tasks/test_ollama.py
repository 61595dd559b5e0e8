"""Embeddings by the unmodified `ollama` client, with a real encoder below."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

import httpx
import ollama
import pytest

from tests.system.service import Service
from tests.system.tasks.marks import proves
from tests.system.tasks.tiny_tasks import DIMENSIONS

LONG = "harbour " * 100  # its tokenizer was told to take 80 tokens


@pytest.fixture
def client(tasks: Service) -> Iterator[ollama.Client]:
    with ollama.Client(host=tasks.url, timeout=120, trust_env=False) as made:
        yield made


def near(vector: Sequence[float]) -> object:
    return pytest.approx(list(vector), abs=1e-3)


@proves("/api/embed", "", "model", "input")
def test_texts_become_vectors_in_their_order(client: ollama.Client) -> None:
    both = client.embed("embedder:latest", ["the harbour", "a loaf of bread"])
    alone = client.embed("embedder", "a loaf of bread")
    assert [len(each) for each in both.embeddings] == [DIMENSIONS, DIMENSIONS]
    assert list(both.embeddings[1]) == near(alone.embeddings[0])
    assert list(both.embeddings[0]) != near(alone.embeddings[0])
    assert (both.model, alone.model) == ("embedder:latest", "embedder")
    assert (both.prompt_eval_count or 0) > (alone.prompt_eval_count or 0) > 0
    assert (both.total_duration or 0) > 0


@proves("/api/embed", "dimensions")
def test_fewer_dimensions_are_the_first_ones_at_length_one(client: ollama.Client) -> None:
    (whole,) = client.embed("embedder", "the harbour").embeddings
    (cut,) = client.embed("embedder", "the harbour", dimensions=8).embeddings
    length = math.hypot(*whole[:8])
    assert list(cut) == near([number / length for number in whole[:8]])
    with pytest.raises(ollama.ResponseError, match="dimensions") as caught:
        client.embed("embedder", "the harbour", dimensions=1000)
    assert caught.value.status_code == 400


@proves("/api/embed", "truncate")
def test_a_long_text_is_cut_unless_that_is_forbidden(client: ollama.Client) -> None:
    for cut in (client.embed("embedder", LONG), client.embed("embedder", LONG, truncate=True)):
        assert cut.prompt_eval_count == 80
    with pytest.raises(ollama.ResponseError, match="tokens") as caught:
        client.embed("embedder", LONG, truncate=False)
    assert caught.value.status_code == 400


@proves("/api/embeddings", "", "model", "prompt")
def test_the_older_form_gives_one_vector(client: ollama.Client) -> None:
    (expected,) = client.embed("embedder", "the harbour").embeddings
    assert list(client.embeddings("embedder", "the harbour").embedding) == near(expected)
    assert len(client.embeddings("embedder", LONG).embedding) == DIMENSIONS


@proves("/api/embed", "keep_alive")
@proves("/api/embeddings", "keep_alive")
def test_a_model_stays_as_long_as_is_asked(client: ollama.Client) -> None:
    def expiry() -> datetime:
        expires = {each.model: each.expires_at for each in client.ps().models}["passing:latest"]
        assert expires is not None
        return expires

    client.copy("embedder", "passing")  # the others were named when the service began, and stay
    embed = partial(client.embed, "passing", "bread")
    older = partial(client.embeddings, "passing", "bread", options={"num_ctx": 8})
    for short, long in ((embed, older), (older, embed)):
        short(keep_alive="1m")
        soon = expiry()
        long(keep_alive="10h")
        assert expiry() > soon
        short(keep_alive=0)
        while "passing:latest" in {each.model for each in client.ps().models}:  # for ever, were it to stay
            time.sleep(0.05)
    client.delete("passing")


@proves("/api/embed", "options")
@proves("/api/embeddings", "options")
def test_more_context_than_there_is_is_refused(tasks: Service) -> None:
    for path, text in (("/api/embed", "input"), ("/api/embeddings", "prompt")):
        answer = httpx.post(
            f"{tasks.url}{path}", json={"model": "embedder", text: "bread", "options": {"num_ctx": 99_999}}
        )
        assert answer.status_code == 400
        assert "options.num_ctx" in answer.json()["error"]

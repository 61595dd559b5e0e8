"""Ollama's embeddings: translation both ways, and what the gateway says where no vectors can be had."""

from __future__ import annotations

import struct
from typing import Any

import httpx
import ollama
import orjson
import pytest

from gateway.dialects.ollama.embedding.schemas import EmbeddingsRequest, EmbedRequest
from gateway.dialects.ollama.embedding.translate import (
    from_embeddings,
    from_one_embedding,
    to_embedding,
    to_one_embedding,
)
from gateway.domain.embedding import EmbeddingRequest, Embeddings

FOUND = Embeddings(struct.pack("<4f", 0.1, -1.0, 3.0, 0.5), 2, (3, 4), load_s=0.5)


def test_a_request() -> None:
    def translated(**given: Any) -> EmbeddingRequest:
        return to_embedding(EmbedRequest.model_validate({"model": "m:latest", **given}))

    assert translated(input="a") == EmbeddingRequest("m", ("a",))
    assert translated(input=["a", "b"], truncate=False, dimensions=8, keep_alive="1m") == EmbeddingRequest(
        "m", ("a", "b"), dimensions=8, truncate=False, keep_alive_s=60
    )


def test_a_request_in_the_older_form() -> None:
    wire = EmbeddingsRequest.model_validate({"model": "m", "prompt": "a", "keep_alive": 5})
    assert to_one_embedding(wire) == EmbeddingRequest("m", ("a",), keep_alive_s=5)


def test_vectors_are_written_with_the_digits_they_have() -> None:
    body = from_embeddings(FOUND, model="m", total_s=2.0)
    assert b"[[0.1,-1.0],[3.0,0.5]]" in body
    assert orjson.loads(body) == {
        "model": "m",
        "embeddings": [[0.1, -1.0], [3.0, 0.5]],
        "total_duration": 2_000_000_000,
        "load_duration": 500_000_000,
        "prompt_eval_count": 7,
    }
    assert orjson.loads(from_one_embedding(FOUND)) == {"embedding": [0.1, -1.0]}


def test_nothing_to_embed_loads_the_model(client: ollama.Client) -> None:
    assert client.embed("parrot", "").embeddings == []
    assert client.embed("parrot", []).embeddings == []
    assert client.embeddings("parrot", "").embedding == []
    with pytest.raises(ollama.ResponseError, match="model 'nobody' not found"):
        client.embed("nobody", "x")


@pytest.mark.parametrize("path", ["/api/embed", "/api/embeddings"])
def test_a_model_of_another_task_and_a_wrong_field_are_refused(wire: httpx.Client, path: str) -> None:
    text = {"input": "x"} if path == "/api/embed" else {"prompt": "x"}
    for given, said in (
        ({}, "does not make embeddings"),
        ({"options": {"num_ctx": 9999}}, "options.num_ctx"),
        ({"options": {"mirostat": 1}}, "options.mirostat"),
        ({"nonsense": 1}, "'nonsense'"),
    ):
        answer = wire.post(path, json={"model": "parrot", **text, **given})
        assert answer.status_code == 400
        assert said in answer.json()["error"]

"""Embeddings, ranking and moderation by the unmodified `openai` client, with real engines below."""

from __future__ import annotations

import base64
import math
import struct

import httpx
import openai
import pytest

from tests.system.foreign_clients import run_client
from tests.system.service import Service
from tests.system.tasks.marks import proves
from tests.system.tasks.tiny_tasks import DIMENSIONS


def cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


@proves("/v1/embeddings", "", "input", "model", "user")
def test_texts_become_vectors_in_their_order(asked: openai.OpenAI) -> None:
    both = asked.embeddings.create(model="embedder", input=["the harbour", "a loaf of bread"], user="me")
    alone = asked.embeddings.create(model="embedder", input="a loaf of bread")
    assert [each.index for each in both.data] == [0, 1]
    assert all(len(each.embedding) == DIMENSIONS for each in both.data)
    assert cosine(both.data[1].embedding, alone.data[0].embedding) == pytest.approx(1, abs=1e-4)
    assert cosine(both.data[0].embedding, alone.data[0].embedding) < 0.99
    assert both.model == "embedder"
    assert both.usage.prompt_tokens == both.usage.total_tokens > alone.usage.prompt_tokens > 0


def test_langchain_gets_the_same_vectors(tasks: Service, asked: openai.OpenAI) -> None:
    said = run_client("langchain_openai_embeddings.py", tasks, "embedder")
    theirs = asked.embeddings.create(model="embedder", input="The boats came in at dawn.").data[0].embedding
    assert said["question"] == pytest.approx(theirs, abs=1e-5)
    assert [len(vector) for vector in said["vectors"]] == [DIMENSIONS] * 2
    assert cosine(said["vectors"][0], theirs) == pytest.approx(1, abs=1e-4)


@proves("/v1/embeddings", "encoding_format")
def test_base64_is_the_same_vector(tasks: Service, asked: openai.OpenAI) -> None:
    question = {"model": "embedder", "input": "the harbour"}
    coded = httpx.post(f"{tasks.url}/v1/embeddings", json={**question, "encoding_format": "base64"}).json()
    listed = asked.embeddings.create(**question, encoding_format="float").data[0].embedding
    vector = base64.b64decode(coded["data"][0]["embedding"])
    assert list(struct.unpack(f"<{DIMENSIONS}f", vector)) == pytest.approx(listed)


@proves("/v1/embeddings", "dimensions")
def test_fewer_dimensions_are_the_first_ones_at_length_one(asked: openai.OpenAI) -> None:
    whole = asked.embeddings.create(model="embedder", input="the harbour").data[0].embedding
    cut = asked.embeddings.create(model="embedder", input="the harbour", dimensions=8).data[0].embedding
    length = math.sqrt(sum(number**2 for number in whole[:8]))
    assert cut == pytest.approx([number / length for number in whole[:8]], abs=1e-3)
    with pytest.raises(openai.BadRequestError) as caught:
        asked.embeddings.create(model="embedder", input="the harbour", dimensions=1000)
    assert caught.value.param == "dimensions"


@proves("/v1/embeddings", "input_type")
def test_a_query_gets_the_checkpoints_prompt(asked: openai.OpenAI) -> None:
    def vector(text: str, **extra: str) -> list[float]:
        return asked.embeddings.create(model="embedder", input=text, extra_body=extra).data[0].embedding

    assert vector("where?", input_type="query") == pytest.approx(vector("Question: where?"), abs=1e-5)


@proves("/v1/embeddings", "input")
def test_token_ids_are_read_as_they_stand(asked: openai.OpenAI) -> None:
    short, long = [1, 40, 2], [1, 50, 60, 70, 2]
    both = asked.embeddings.create(model="embedder", input=[short, long])
    assert both.usage.prompt_tokens == len(short) + len(long)
    for ids, together in zip((short, long), both.data, strict=True):
        alone = asked.embeddings.create(model="embedder", input=ids)
        assert cosine(alone.data[0].embedding, together.embedding) == pytest.approx(1, abs=1e-4)
    with pytest.raises(openai.BadRequestError, match="100000") as caught:
        asked.embeddings.create(model="embedder", input=[100_000])
    assert caught.value.param == "input"


@proves("/v1/embeddings", "truncate")
def test_a_long_text_is_cut_unless_that_is_forbidden(asked: openai.OpenAI) -> None:
    cut = asked.embeddings.create(model="embedder", input="harbour " * 100)
    assert cut.usage.prompt_tokens == 80  # what its tokenizer was told
    with pytest.raises(openai.BadRequestError, match="tokens") as caught:
        asked.embeddings.create(model="embedder", input="harbour " * 100, extra_body={"truncate": False})
    assert caught.value.param == "input"


@proves("/v1/rerank", "", "model", "query", "documents", "top_n", "return_documents", "priority", "client_name")
@proves("/v2/rerank", "")
@proves("/rerank", "")
def test_documents_come_best_first_with_their_places(tasks: Service) -> None:
    documents = ["the boats came in", {"text": "bread in a box", "id": 7}, "nobody told the orchestra"]
    question = {"model": "ranker", "query": "where is the bread?", "documents": documents}
    whole = httpx.post(f"{tasks.url}/v1/rerank", json=question).json()
    scores = [result["relevance_score"] for result in whole["results"]]
    assert scores == sorted(scores, reverse=True)
    assert {result["index"] for result in whole["results"]} == {0, 1, 2}
    assert whole["usage"]["total_tokens"] == whole["meta"]["tokens"]["input_tokens"] > 0
    assert all("document" not in result for result in whole["results"])
    for path in ("/rerank", "/v2/rerank"):
        labels = {"priority": 1, "client_name": "me"}  # these change nothing
        short = httpx.post(
            f"{tasks.url}{path}", json={**question, **labels, "top_n": 2, "return_documents": True}
        ).json()
        assert [result["index"] for result in short["results"]] == [result["index"] for result in whole["results"][:2]]
        best = documents[short["results"][0]["index"]]
        assert short["results"][0]["document"]["text"] == (best if isinstance(best, str) else best["text"])


@proves("/v1/moderations", "", "input", "model")
def test_labels_of_a_classifier_are_the_categories_that_clients_read(asked: openai.OpenAI) -> None:
    found = asked.moderations.create(input=["the boats came in", "bread"])
    assert found.model == "judge"  # the one classifier there is
    assert len(found.results) == 2
    for result in found.results:
        scores = result.category_scores.model_dump(by_alias=True)
        assert scores["toxic"] == scores["harassment"] == result.category_scores.harassment > 0
        assert scores["rude"] > 0
        assert "safe" not in scores
        assert result.category_scores.violence_graphic == 0
        assert result.category_applied_input_types.harassment == ["text"]
        assert result.category_applied_input_types.hate == []
        assert result.flagged == (max(scores["toxic"], scores["rude"]) >= 0.5)
    parts = asked.moderations.create(model="judge", input=[{"type": "text", "text": "bread"}])
    assert parts.results[0].category_scores.harassment == pytest.approx(
        found.results[1].category_scores.harassment, abs=1e-5
    )

"""Scores become Cohere's and Jina's results."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.openai.rerank.schemas import RerankRequest
from gateway.dialects.openai.rerank.translate import from_ranking, to_rank
from gateway.domain.embedding import Ranking


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.integers(1, 30))
def test_the_best_come_first_and_equal_ones_stay_in_order(scores: list[float], top_n: int) -> None:
    documents = [f"text {place}" for place in range(len(scores))]
    wire = RerankRequest(model="m", query="q", documents=documents, top_n=top_n, return_documents=True)
    answer = from_ranking(Ranking(tuple(scores), (1,) * len(scores)), to_rank(wire), wire, answer_id="x")
    best = sorted(range(len(scores)), key=lambda place: (-scores[place], place))[:top_n]
    assert [result["index"] for result in answer["results"]] == best
    assert [result["document"]["text"] for result in answer["results"]] == [documents[place] for place in best]
    assert answer["usage"]["total_tokens"] == len(scores)

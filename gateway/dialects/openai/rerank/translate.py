"""Bodies of /v1/rerank to our request, and our scores to its answer. Pure."""

from __future__ import annotations

from typing import Any

from gateway.dialects.openai.rerank.schemas import RerankRequest
from gateway.domain.embedding import Ranking, RankRequest


def to_rank(wire: RerankRequest) -> RankRequest:
    texts = tuple(each if isinstance(each, str) else each.text for each in wire.documents)
    return RankRequest(model=wire.model, query=wire.query, documents=texts)


def from_ranking(found: Ranking, asked: RankRequest, wire: RerankRequest, *, answer_id: str) -> dict[str, Any]:
    """The best first; documents of one score stay in their order."""
    best = sorted(range(len(found.scores)), key=lambda place: -found.scores[place])[: wire.top_n]
    results: list[dict[str, Any]] = [{"index": place, "relevance_score": found.scores[place]} for place in best]
    if wire.return_documents:
        for result in results:
            result["document"] = {"text": asked.documents[result["index"]]}
    tokens = sum(found.tokens)
    return {
        "id": answer_id,
        "object": "list",
        "model": wire.model,
        "results": results,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        "meta": {"tokens": {"input_tokens": tokens}},
    }

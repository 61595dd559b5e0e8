"""HTTP of reranking, at the paths of Jina (/v1/rerank), of Cohere (/v2/rerank) and of those without a version."""

from __future__ import annotations

import uuid

from fastapi import APIRouter, Request, Response

from gateway.dialects.bodies import JSONRoute
from gateway.dialects.framing import JSONBytes, while_connected
from gateway.dialects.naming import named
from gateway.dialects.openai.rerank import schemas, translate
from gateway.dialects.openai.wire import failures
from gateway.domain.embedding import Encoding


def rerank_router(encoding: Encoding) -> APIRouter:
    router = APIRouter(tags=["openai"], route_class=JSONRoute)

    async def rerank(wire: schemas.RerankRequest, request: Request) -> Response:
        asked = translate.to_rank(wire)
        with named({"": "documents"}, too_long="documents"):
            found = await while_connected(request.receive, encoding.rank(asked))
        return JSONBytes(translate.from_ranking(found, asked, wire, answer_id=str(uuid.uuid4())))

    for path in ("/v1/rerank", "/v2/rerank", "/rerank"):
        router.add_api_route(
            path,
            rerank,
            methods=["POST"],
            summary="Documents by their relevance to a query",
            response_model=schemas.RerankAnswer,
            responses=failures(415),
        )
    return router

"""HTTP of /v1/embeddings: translate in, ask, translate out, return."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from gateway.dialects.bodies import JSONRoute
from gateway.dialects.framing import JSONBytes, while_connected
from gateway.dialects.naming import named
from gateway.dialects.openai.embeddings import schemas, translate
from gateway.dialects.openai.wire import failures
from gateway.domain.embedding import Encoding

_FIELDS = {"text_input": "input", "input_ids": "input", "": "input"}


def embeddings_router(encoding: Encoding) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["openai"], route_class=JSONRoute)

    @router.post(
        "/embeddings",
        summary="Vectors of texts",
        response_model=schemas.EmbeddingList,
        responses=failures(415),
    )
    async def embeddings(wire: schemas.EmbeddingsRequest, request: Request) -> Response:
        with named(_FIELDS):
            found = await while_connected(request.receive, encoding.embed(translate.to_embedding(wire)))
        return JSONBytes(translate.from_embeddings(found, wire))

    return router

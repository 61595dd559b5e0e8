"""HTTP of Ollama's embeddings.

Knows paths and statuses; what computes is handed in.
"""

from __future__ import annotations

import time
from dataclasses import replace

from fastapi import APIRouter, Request, Response

from gateway.dialects.framing import while_connected
from gateway.dialects.naming import named
from gateway.dialects.ollama.embedding import schemas, translate
from gateway.dialects.ollama.failed import responses
from gateway.dialects.ollama.generation.options import Options, check_context
from gateway.dialects.ollama.names import Names, base_of
from gateway.dialects.ollama.wire import AnyContentType
from gateway.domain.embedding import EmbeddingRequest, Embeddings, Encoding
from gateway.domain.ports import Models, Residents

# Our names of fields, and Ollama's where they are others; under "" that of an error that names none.
_TEXTS_FIELDS = {"text_input": "input", "": "input"}
_TEXT_FIELDS = {"text_input": "prompt", "": "prompt"}
_NOTHING = Embeddings(b"", 0, ())
_RESPONSES = responses(400, 404, 415, 503, 504)


def embedding_router(encoding: Encoding, models: Models, residents: Residents, names: Names) -> APIRouter:
    router = APIRouter(prefix="/api", tags=["ollama"], route_class=AnyContentType)

    @router.post("/embed", summary="Vectors of texts", response_model=schemas.EmbedResponse, responses=_RESPONSES)
    async def embed(wire: schemas.EmbedRequest, request: Request) -> Response:
        begun = time.perf_counter()
        asked = translate.to_embedding(wire)
        with named(_TEXTS_FIELDS):
            found = await while_connected(request.receive, _found(asked, wire.options, empty=wire.input in ("", [])))
        return _json(translate.from_embeddings(found, model=wire.model, total_s=time.perf_counter() - begun))

    @router.post(
        "/embeddings", summary="The vector of a text", response_model=schemas.EmbeddingsResponse, responses=_RESPONSES
    )
    async def embeddings(wire: schemas.EmbeddingsRequest, request: Request) -> Response:
        asked = translate.to_one_embedding(wire)
        with named(_TEXT_FIELDS, too_long="prompt"):
            found = await while_connected(request.receive, _found(asked, wire.options, empty=not wire.prompt))
        return _json(translate.from_one_embedding(found))

    async def _found(asked: EmbeddingRequest, options: Options | None, *, empty: bool) -> Embeddings:
        """The vectors. As in Ollama, nothing to embed just loads the model."""
        asked = replace(asked, model=await names.known(asked.model))
        if not empty and (options is None or options.num_ctx is None):
            return await encoding.embed(asked)
        async with residents.use(base_of(asked.model), asked.keep_alive_s):
            check_context(options, (await models.card(base_of(asked.model))).context_length)
            return _NOTHING if empty else await encoding.embed(asked)

    return router


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")

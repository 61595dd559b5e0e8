"""HTTP of Ollama's API: answers, embeddings and models.

Joins the routers; what does the work is handed in.
"""

from __future__ import annotations

from fastapi import APIRouter

from gateway.dialects.ollama.embedding.routes import embedding_router
from gateway.dialects.ollama.generation.routes import generation_router
from gateway.dialects.ollama.library.routes import AbilitiesOf, library_router
from gateway.dialects.ollama.names import Names
from gateway.domain.embedding import Encoding
from gateway.domain.library import Library
from gateway.domain.ports import Answering, Catalog, CheckPicture, Models, Residents


def ollama_router(
    answering: Answering,
    encoding: Encoding,
    library: Library,
    catalog: Catalog,
    models: Models,
    residents: Residents,
    abilities_of: AbilitiesOf,
    check_picture: CheckPicture,
) -> APIRouter:
    router = APIRouter()
    names = Names(library)
    router.include_router(generation_router(answering, catalog, models, residents, names, check_picture))
    router.include_router(embedding_router(encoding, models, residents, names))
    router.include_router(library_router(library, catalog, models, residents, abilities_of, names))
    return router

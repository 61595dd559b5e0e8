"""OpenAI's paths of language models, joined: chat, completions, models.

Knows nothing of what they do; each is beside its own words.
"""

from __future__ import annotations

from fastapi import APIRouter

from gateway.dialects.bodies import JSONRoute
from gateway.dialects.openai.chat.routes import add_chat
from gateway.dialects.openai.completions.routes import add_completions
from gateway.dialects.openai.models import add_models
from gateway.domain.ports import Answering, Catalog, LoadPicture


def openai_router(answering: Answering, catalog: Catalog, load_picture: LoadPicture) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["openai"], route_class=JSONRoute)
    add_chat(router, answering, load_picture)
    add_completions(router, answering)
    add_models(router, catalog)
    return router

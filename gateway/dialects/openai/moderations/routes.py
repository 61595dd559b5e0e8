"""HTTP of /v1/moderations: translate in, ask, translate out, return."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response

from gateway.dialects.bodies import JSONRoute
from gateway.dialects.framing import JSONBytes, while_connected
from gateway.dialects.naming import named
from gateway.dialects.openai.moderations import schemas, translate
from gateway.dialects.openai.wire import failures
from gateway.domain.embedding import Encoding

_FIELDS = {"text_input": "input", "": "input"}


def moderations_router(encoding: Encoding, default_model: Callable[[], Awaitable[str]]) -> APIRouter:
    """`default_model` names the model of a request that names none; it raises EntryNotFound."""
    router = APIRouter(prefix="/v1", tags=["openai"], route_class=JSONRoute)

    @router.post(
        "/moderations",
        summary="What a text has that one may object to",
        response_model=schemas.Moderations,
        responses=failures(415),
    )
    async def moderations(wire: schemas.ModerationsRequest, request: Request) -> Response:
        model = wire.model or await default_model()
        with named(_FIELDS):
            found = await while_connected(request.receive, encoding.classify(translate.to_classify(wire, model)))
        return JSONBytes(translate.from_classified(found, model, answer_id=f"modr-{uuid.uuid4().hex}"))

    return router

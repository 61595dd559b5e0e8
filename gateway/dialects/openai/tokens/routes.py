"""HTTP of tokens: translate in, ask, translate out, return."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from gateway.dialects.bodies import JSONRoute
from gateway.dialects.framing import JSONBytes, while_connected
from gateway.dialects.naming import named
from gateway.dialects.openai.tokens import schemas, translate
from gateway.dialects.openai.wire import failures
from gateway.domain.tokenizing import Tokenization


def tokens_router(tokenization: Tokenization) -> APIRouter:
    router = APIRouter(tags=["openai"], route_class=JSONRoute)

    async def tokenize(wire: schemas.TokenizeRequest, request: Request) -> Response:
        special = wire.add_special_tokens is not False
        asked = tokenization.tokenize(translate.to_generation(wire), special_tokens=special)
        found = await while_connected(request.receive, asked)
        return JSONBytes(translate.from_tokenized(found))

    async def detokenize(wire: schemas.DetokenizeRequest, request: Request) -> Response:
        with named({"prompt": "tokens", "token_ids": "tokens"}, too_long="tokens"):
            text = await while_connected(request.receive, tokenization.detokenize(wire.model, tuple(wire.tokens)))
        return JSONBytes({"prompt": text})

    for prefix in ("", "/v1"):
        router.add_api_route(
            f"{prefix}/tokenize",
            tokenize,
            methods=["POST"],
            summary="The tokens of a prompt",
            response_model=schemas.TokenizeAnswer,
            responses=failures(415),
        )
        router.add_api_route(
            f"{prefix}/detokenize",
            detokenize,
            methods=["POST"],
            summary="The text of tokens",
            response_model=schemas.DetokenizeAnswer,
            responses=failures(415),
        )
    return router

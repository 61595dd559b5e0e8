"""Live, ready and the metrics page: what an operator and a load balancer ask. Never needs a model.

Knows HTTP and answers; does not know what makes the gateway ready.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel


class Live(BaseModel):
    """The process answers."""

    status: Literal["live"] = "live"


class Readiness(BaseModel):
    """Whether a request would be answered now, and why not.

    starting: the operator's checks are not done. loading: they are not, and a model is being loaded for them.
    unavailable: no Triton answers. A ready gateway need not have a model in memory: requests have theirs loaded.
    """

    status: Literal["ready", "starting", "loading", "unavailable", "stopping"]


class Gate:
    """Keeps readiness off while whoever started the gateway is not done with it, and for good when it is to stop."""

    def __init__(self) -> None:
        self.held = False
        self.closed = False

    def hold(self) -> None:
        self.held = True

    def release(self) -> None:
        self.held = False

    def close(self) -> None:
        self.closed = True


def health_router(readiness: Callable[[], Awaitable[Readiness]], metrics: Callable[[], bytes]) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/health/live", summary="Whether the process answers")
    async def live() -> Live:
        return Live()

    @router.get(
        "/health/ready",
        summary="Whether requests are taken on now",
        response_model=Readiness,
        responses={503: {"model": Readiness, "description": "Requests would wait or fail now"}},
    )
    async def ready() -> Response:
        state = await readiness()
        if state.status == "ready":
            return JSONResponse(state.model_dump())
        return JSONResponse(state.model_dump(), status_code=503, headers={"Retry-After": "1"})

    @router.get(
        "/metrics",
        summary="Figures for Prometheus",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def metrics_page() -> Response:
        return Response(metrics(), media_type=CONTENT_TYPE_LATEST)

    return router

"""The composition root: settings become channels, answering, routers and layers, joined into one application.

Imports everybody; nobody imports it. Importing it opens no socket and reads no file.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.types import Scope

import modelyard
from gateway.admission import Admission
from gateway.answering import Answers
from gateway.chatting import Chat
from gateway.conversations import InMemoryConversations
from gateway.dialects.chat import translate as chat
from gateway.dialects.chat.routes import chat_router
from gateway.dialects.failures import from_exception
from gateway.dialects.framing import JSONBytes
from gateway.dialects.openai import translate as openai
from gateway.dialects.openai.routes import openai_router
from gateway.engine.replicas import Replicas
from gateway.health import Gate, Readiness, health_router
from gateway.identity import BearerKey
from gateway.middleware.body_limit import BodyLimit
from gateway.middleware.guard import Guard
from gateway.middleware.recording import Recording
from gateway.model_life import ModelLife
from gateway.models import ServedModels
from gateway.prompting.templates import Templates
from gateway.telemetry import Telemetry, current_record
from modelyard import usage
from modelyard.errors import EngineError, ModelyardError
from modelyard.settings import Settings


def create_app(settings: Settings, *, triton_urls: Sequence[str] | Callable[[], Sequence[str]]) -> FastAPI:
    """The gateway over these Tritons, whose addresses are asked for when it starts.

    `app.state.drain()` turns readiness off and lets no new answer begin; those in progress go on, and
    `await app.state.idle()` returns when the last is done. `app.state.hold()` keeps readiness off until
    `app.state.release()`, for checks at the start; `await app.state.load(model)` has a model loaded and gives its task.
    The channels are closed by the end of the lifespan.
    Raises OSError when the key's file cannot be read.
    """
    key = settings.bearer_key()
    replicas = Replicas(
        triton_urls if callable(triton_urls) else lambda: triton_urls,
        load_timeout_s=settings.load_timeout_s,
        timeout_s=settings.request_timeout_s,
    )
    models = ServedModels(replicas)
    admission = Admission(settings.queue_limit)
    telemetry = Telemetry(lambda: admission.in_flight)
    life = ModelLife()
    answered = partial(usage.record, settings.model_repository)
    answers = Answers(models, life, Templates(), admission, replicas, on_answer=answered)
    conversations = InMemoryConversations(turns=settings.chat_turns, users=settings.chat_users)
    chatting = Chat(answers, conversations, lambda: models.default(settings.default_model), system=settings.chat_system)

    gate = Gate()

    async def readiness() -> Readiness:
        if admission.draining:
            return Readiness(status="stopping")
        if gate.held:
            return Readiness(status="starting")
        try:
            return Readiness(status="ready" if await replicas.loaded() else "loading")
        except EngineError:
            return Readiness(status="unavailable")

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await replicas.start()
        try:
            yield
        finally:
            admission.drain()
            await replicas.close()

    app = FastAPI(
        title="Modelyard",
        version=modelyard.__version__,
        lifespan=lifespan,
        # Their pages load scripts from the web, which this service never does.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    # For the OpenAPI page only: the guard looks at the key before any route is found.
    documented = [Depends(HTTPBearer(auto_error=False))] if key is not None else []
    app.include_router(openai_router(answers, models), dependencies=documented)
    app.include_router(chat_router(chatting), dependencies=documented)
    app.include_router(health_router(readiness, telemetry.page))
    for kind in (ModelyardError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _answer_with_failure)
    # The last one added is the outermost.
    app.add_middleware(BodyLimit, most=settings.max_body_bytes, refuse=_refuse)
    app.add_middleware(Guard, key=BearerKey(key) if key is not None else None, refuse=_refuse)
    app.add_middleware(Recording, telemetry=telemetry, dialect_of=_dialect_of, refuse=_refuse)
    app.state.drain = admission.drain
    app.state.idle = admission.wait_until_idle
    app.state.hold = gate.hold
    app.state.release = gate.release

    async def load(model: str) -> str:
        return (await models.card(model)).task

    app.state.load = load
    return app


def _dialect_of(path: str) -> str:
    if path.startswith("/v1/"):
        return "openai"
    return "chat" if path == "/chat" or path.startswith("/chat/") else ""


def _refuse(scope: Scope, error: Exception) -> Response:
    """The error in the form of the dialect that the path belongs to."""
    content_type = dict(scope["headers"]).get(b"content-type", b"").decode("latin-1")
    failure = from_exception(error, content_type=content_type)
    current_record().problem = failure.message
    form = chat.from_failure if _dialect_of(scope["path"]) == "chat" else openai.from_failure
    return JSONBytes(form(failure), status_code=failure.status, headers=dict(failure.headers))


async def _answer_with_failure(request: Request, error: Exception) -> Response:
    return _refuse(request.scope, error)

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
from gateway.asking import Asking
from gateway.chatting import Chat
from gateway.conversations import InMemoryConversations
from gateway.default_models import DefaultModels
from gateway.dialects.anthropic import translate as anthropic
from gateway.dialects.anthropic.routes import anthropic_router
from gateway.dialects.chat import translate as chat
from gateway.dialects.chat.routes import chat_router
from gateway.dialects.failures import Failure, from_exception
from gateway.dialects.framing import JSONBytes
from gateway.dialects.ollama.failed import from_failure as ollama_failure
from gateway.dialects.ollama.routes import ollama_router
from gateway.dialects.openai import translate as openai
from gateway.dialects.openai.audio.routes import audio_router
from gateway.dialects.openai.embeddings.routes import embeddings_router
from gateway.dialects.openai.images.routes import images_router
from gateway.dialects.openai.management.routes import management_router
from gateway.dialects.openai.moderations.routes import moderations_router
from gateway.dialects.openai.rerank.routes import rerank_router
from gateway.dialects.openai.responses.routes import responses_router
from gateway.dialects.openai.routes import openai_router
from gateway.dialects.openai.schemas import ErrorBody
from gateway.dialects.openai.tokens.routes import tokens_router
from gateway.dialects.statuses import failing
from gateway.dialects.websocket.bodies import Bodies
from gateway.dialects.websocket.routes import websocket_router
from gateway.dialects.websocket.sessions import Sessions
from gateway.drawing import Draws
from gateway.encoding import Encodes
from gateway.engine.encoders import Encoders
from gateway.engine.pictures import Pictures
from gateway.engine.replicas import Replicas
from gateway.engine.speech import Speech
from gateway.engine.tokenizing import EngineTokenizer
from gateway.health import Gate, Readiness, health_router
from gateway.identity import BearerKey
from gateway.library.local import LocalLibrary
from gateway.library.remote import RemoteLibrary
from gateway.media.kept_files import InMemoryFiles
from gateway.media.pictures import PicturePolicy, check_picture, load_picture
from gateway.memory import Elsewhere, Memory, OfThisHost
from gateway.middleware.body_limit import BodyLimit
from gateway.middleware.guard import Guard
from gateway.middleware.recording import Recording
from gateway.model_life import ModelLife
from gateway.models import ServedModels
from gateway.openapi_document import DocumentedApp
from gateway.prompting.preparing import Prompts
from gateway.room import Room
from gateway.speaking import Hears, Speaks
from gateway.stored_responses import InMemoryResponses
from gateway.telemetry import Telemetry, current_record
from gateway.tokenizing import Tokenizes
from modelyard import usage
from modelyard.abilities import abilities_of
from modelyard.card import TEXT_CLASSIFICATION, TEXT_TO_IMAGE
from modelyard.errors import EngineError, ModelyardError
from modelyard.settings import Settings


def create_app(settings: Settings, *, triton_urls: Sequence[str] | Callable[[], Sequence[str]]) -> FastAPI:
    """The gateway over these Tritons, whose addresses are asked for when it starts.

    `app.state.close()` turns readiness off, `app.state.drain()` does and lets no new answer begin; those in progress go
    on, and `await app.state.idle()` returns when the last is done. `app.state.hold()` keeps readiness off until
    `app.state.release()`, for checks at the start; `await app.state.load(model)` has a model loaded and gives its task;
    with `pinned` it stays. `resident()` are the models in memory and `installed()` the names of all.
    The channels are closed by the end of the lifespan.
    Raises OSError when the key's file cannot be read.
    """
    key = settings.bearer_key()
    replicas = Replicas(
        triton_urls if callable(triton_urls) else lambda: triton_urls,
        load_timeout_s=settings.load_timeout_s,
        timeout_s=settings.request_timeout_s,
    )
    models = ServedModels(replicas, lambda: library.installed())  # which is made below
    admission = Admission(settings.queue_limit)
    telemetry = Telemetry(lambda: admission.in_flight, queue_limit=settings.queue_limit)
    # Of the hosts of other Tritons nothing is known here.
    memory: Memory = (
        Elsewhere() if settings.triton_urls else OfThisHost(settings.model_repository, limit=settings.memory_for_models)
    )
    life = ModelLife(
        replicas,
        models,
        Room(memory, max_loaded=settings.max_loaded_models),
        telemetry,
        keep_alive_s=settings.keep_alive,
        pinned=settings.pinned_models,
        queue_limit=settings.load_queue_limit,
        load_timeout_s=settings.load_timeout_s,
    )
    telemetry.watch_models(lambda: life.count)
    telemetry.watch_tritons(replicas.states)
    answered = partial(usage.record, settings.model_repository)
    prompting = Prompts()
    answers = Answers(models, life, prompting, admission, replicas, on_answer=answered)
    conversations = InMemoryConversations(turns=settings.chat_turns, users=settings.chat_users)
    chatting = Chat(answers, conversations, lambda: models.default(settings.default_model), system=settings.chat_system)

    pictures = PicturePolicy(
        remote=settings.allow_remote_images,
        hosts=frozenset(host.lower() for host in settings.remote_image_hosts),
        most_bytes=settings.max_image_bytes,
        timeout_s=settings.remote_image_timeout_s,
    )
    # The folder of other hosts' Tritons is only here when somebody says so.
    local = not settings.triton_urls or "model_repository" in settings.model_fields_set
    library = (
        LocalLibrary(settings, models=models, residents=life, prompting=prompting) if local else RemoteLibrary(replicas)
    )
    asking = Asking(models, life, admission, on_answer=answered)
    encodes = Encodes(asking, Encoders(replicas))
    draws = Draws(asking, Pictures(replicas, timeout_s=settings.request_timeout_s))
    speech = Speech(replicas)
    tokenizer = EngineTokenizer(replicas, timeout_s=settings.request_timeout_s)
    tokenizes = Tokenizes(models, life, prompting, admission, tokenizer)
    defaults = DefaultModels(replicas.index, models, library.installed)
    kept = InMemoryFiles(settings.kept_files_bytes)
    sessions = Sessions(settings.websocket_sessions)
    gate = Gate()

    async def readiness() -> Readiness:
        if gate.closed:
            return Readiness(status="stopping")
        if gate.held:
            return Readiness(status="loading" if life.is_loading else "starting")
        try:
            await replicas.answer()
        except EngineError:
            return Readiness(status="unavailable")
        return Readiness(status="ready")

    def drain() -> None:
        gate.close()
        admission.drain()
        library.pulls.stop()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await replicas.start()
        await life.start()
        try:
            yield
        finally:
            drain()
            await sessions.close()
            await library.pulls.close()
            await life.close()
            await replicas.close()

    app = DocumentedApp(
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
    fetch_picture = partial(load_picture, policy=pictures)
    app.include_router(openai_router(answers, models, fetch_picture), dependencies=documented)
    app.include_router(anthropic_router(answers, fetch_picture, tokenizes), dependencies=documented)
    stored = InMemoryResponses(most=settings.stored_responses, most_bytes=settings.stored_responses_bytes)
    app.include_router(responses_router(answers, stored, fetch_picture), dependencies=documented)
    app.include_router(management_router(library, library.pulls), dependencies=documented)
    for router in (
        embeddings_router(encodes),
        rerank_router(encodes),
        tokens_router(tokenizes),
        moderations_router(encodes, partial(defaults.of, TEXT_CLASSIFICATION)),
        images_router(draws, kept, partial(defaults.of, TEXT_TO_IMAGE)),
        audio_router(Hears(asking, speech), Speaks(asking, speech), most_s=settings.max_audio_seconds),
    ):
        app.include_router(router, dependencies=documented)
    ollama = ollama_router(
        answers, encodes, library, models, models, life, abilities_of, partial(check_picture, policy=pictures)
    )
    app.include_router(ollama, dependencies=documented)
    app.include_router(chat_router(chatting), dependencies=documented)
    bodies = Bodies(fetch_picture, partial(defaults.of, TEXT_TO_IMAGE))
    app.include_router(websocket_router(answers, draws, sessions, bodies, ended=telemetry.end))
    app.include_router(health_router(readiness, telemetry.page), responses=failing(ErrorBody))
    for kind in (ModelyardError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _answer_with_failure)
    # The last one added is the outermost.
    app.add_middleware(BodyLimit, most=settings.max_body_bytes, refuse=_refuse)
    app.add_middleware(Guard, key=BearerKey(key) if key is not None else None, refuse=_refuse)
    app.add_middleware(Recording, telemetry=telemetry, dialect_of=_dialect_of, refuse=_refuse)
    app.state.close = gate.close
    app.state.drain = drain
    app.state.idle = admission.wait_until_idle
    app.state.hold = gate.hold
    app.state.release = gate.release

    async def load(model: str, *, pinned: bool = False) -> str:
        if pinned:
            life.pin(model)
        async with life.use(model, None):
            return (await models.card(model)).task

    async def installed() -> list[str]:
        return sorted(await replicas.index())

    app.state.load = load
    app.state.resident = life.resident
    app.state.installed = installed
    return app


# The first whose paths fit is the dialect of a request, and its form is that of the request's errors.
_DIALECTS: tuple[tuple[str, tuple[str, ...], Callable[[Failure], object]], ...] = (
    ("anthropic", ("/v1/messages",), anthropic.from_failure),
    ("websocket", ("/ws",), openai.from_failure),
    ("openai", ("/v1", "/tokenize", "/detokenize", "/rerank"), openai.from_failure),
    ("ollama", ("/api", "/"), ollama_failure),
    ("chat", ("/chat",), chat.from_failure),
)


def _dialect_of(path: str) -> str:
    """The dialect's name; empty for what is none, as the probes."""
    return next((name for name, paths, _ in _DIALECTS if _is_below(path, paths)), "")


def _is_below(path: str, paths: Sequence[str]) -> bool:
    return any(path == each or path.startswith(f"{each}/") for each in paths)


def _refuse(scope: Scope, error: Exception) -> Response:
    """The error in the form of the dialect that the path belongs to."""
    content_type = dict(scope["headers"]).get(b"content-type", b"").decode("latin-1")
    failure = from_exception(error, content_type=content_type)
    current_record().problem = failure.message
    forms = (form for _, paths, form in _DIALECTS if _is_below(scope["path"], paths))
    form = next(forms, openai.from_failure)
    return JSONBytes(form(failure), status_code=failure.status, headers=dict(failure.headers))


async def _answer_with_failure(request: Request, error: Exception) -> Response:
    return _refuse(request.scope, error)

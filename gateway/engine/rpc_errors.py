"""A gRPC status, or an error text inside a stream, becomes one of our errors.

Used at each place where gRPC can raise; the original stays the `__cause__`. Knows no HTTP.
"""

from __future__ import annotations

import re

import grpc

from gateway.engine.contract import EXTENSION
from modelyard.errors import (
    EngineError,
    EngineOutOfMemory,
    EngineTimeout,
    EngineUnavailable,
    GenerationBroken,
    InvalidInput,
    ModelyardError,
    PromptTooLong,
)

_CODED = re.compile(r"^(?:\[request id: [^\]]*\] )?\[([A-Z_]+)\] ")
_TOO_LONG = re.compile(r"prompt has \d+ tokens|maximum (?:context|model) length|longer than the maximum model", re.I)
_NAMED_FIELD = re.compile(r"'(\w+)'")
# The last is said of a model that is being unloaded, and so by a Triton that stops, which unloads all of them first.
_NOT_LOADED = re.compile(
    r"request for unknown model|model '[^']*' is not ready|not at READY state|has stopped accepting new inference", re.I
)
_UNKNOWN_INPUT = re.compile(r"unexpected inference input '(\w+)'")
_DEAD_BACKEND = re.compile(
    r"stub process.*(?:not healthy|unhealthy)|unhealthy vllm engine|failed to (?:open|receive).*stub", re.I
)
_OUT_OF_MEMORY = re.compile(
    r"out of memory|out_of_memory|bad_?alloc|(?:cannot|could not|can't|unable to|failed to) allocate|"
    r"(?:not enough|insufficient|no available) (?:\w+ )?memory|no available memory for the cache blocks",
    re.I,
)
_AWAY = "the engine cannot be reached; it may be starting, please try again"
_PATH = re.compile(r"(?:[A-Za-z]:)?(?:/[^\s/:'\"(),;]+){2,}/?")


class ModelNotLoaded(EngineError):
    """This Triton does not have the model loaded; it may be in its repository."""

    def __init__(self, model: str) -> None:
        super().__init__(f"the model '{model}' is not loaded")


class BackendDead(EngineUnavailable):
    """The process that a model runs in has died within a living Triton; loading the model again mends it."""

    def __init__(self, model: str) -> None:
        super().__init__(f"the backend of '{model}' has died and is being started again; please try again")


def from_call(error: grpc.RpcError, *, model: str = "", started: bool = False) -> ModelyardError:
    """What a failed call means. `started` says that a part of the answer had come already."""
    code, details = error.code(), error.details() or ""
    if (coded := _CODED.match(details)) is not None:
        # Our backends, asked for one answer, begin it as they begin an error inside a stream.
        return _from_code(coded[1], details[coded.end() :], started=started)
    if started and (code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED) or is_dead_backend(details)):
        return GenerationBroken()
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return EngineTimeout("the engine did not answer in time")
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
        # CANCELLED that nobody here asked for is a Triton that is going down.
        if code is grpc.StatusCode.CANCELLED or _from_transport(details):
            return EngineUnavailable(_AWAY)
        if _NOT_LOADED.search(details):
            return ModelNotLoaded(model)
        return _from_backend(details, model) or EngineUnavailable(presentable(details))
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return EngineUnavailable(presentable(details))
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        return _invalid(details)
    return from_text(details, model=model)


def from_text(text: str, *, model: str = "", started: bool = False) -> ModelyardError:
    """What an error text inside a stream means. Our backends begin theirs with a code; Triton and others do not."""
    if (coded := _CODED.match(text)) is not None:
        return _from_code(coded[1], text[coded.end() :], started=started)
    if started and is_dead_backend(text):
        return GenerationBroken()
    if (unknown := _UNKNOWN_INPUT.search(text)) is not None and unknown[1] in EXTENSION:
        return InvalidInput(
            "this model's engine cannot be asked for tokens", field="prompt", hint="send text, as every engine takes it"
        )
    if _NOT_LOADED.search(text):
        return ModelNotLoaded(model)
    if (dead := _from_backend(text, model)) is not None:
        return dead
    if "unexpected shape" in text or "unexpected datatype" in text or "inference input" in text:
        return EngineError(f"the model '{model}' does not keep the text-generation contract: {presentable(text)}")
    return EngineError(presentable(text) or "the engine failed without a reason")


def _from_code(code: str, text: str, *, started: bool) -> ModelyardError:
    """`code` is one of Triton's, as our backends write it."""
    if code == "INVALID_ARG":
        return _invalid(text)
    if code in ("UNAVAILABLE", "CANCELLED"):
        # CANCELLED that nobody here asked for is an engine that is going down.
        away = presentable(text) if code == "UNAVAILABLE" else _AWAY
        return GenerationBroken() if started else EngineUnavailable(away)
    return EngineError(presentable(text) or "the engine failed without a reason")


def from_load(error: grpc.RpcError, model: str) -> ModelyardError:
    """Why a model could not be loaded. Triton gives its reason under several codes."""
    code = error.code()
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return EngineTimeout(f"the model '{model}' did not load in time")
    if code is grpc.StatusCode.UNAVAILABLE:
        return EngineUnavailable(_AWAY)
    details = error.details() or ""
    kind = EngineOutOfMemory if _OUT_OF_MEMORY.search(details) else EngineUnavailable
    return kind(f"the model '{model}' could not be loaded: {presentable(details)}")


def presentable(text: str) -> str:
    """Triton's words without its traceback and without the paths of its host."""
    first = re.split(r"\n\s*(?:At:|Traceback)|\n\n", text, maxsplit=1)[0]
    first = re.sub(r"^\[request id: [^\]]*\] ", "", first.strip())
    first = re.sub(r"^load failed for model '[^']*': version \S+ is at \w+ state: ", "", first)
    first = re.sub(r"^(?:Internal|Invalid argument): (?:TritonModelException: )?", "", first)
    return " ".join(_PATH.sub("...", first).split()).rstrip("; ")


def _invalid(details: str) -> ModelyardError:
    sentence = presentable(details)
    if _TOO_LONG.search(sentence):
        return PromptTooLong(sentence)
    named = _NAMED_FIELD.match(sentence)
    return InvalidInput(sentence, field=named[1] if named else None)


def is_dead_backend(text: str) -> bool:
    """Whether Triton says that the process of a model has died."""
    return _DEAD_BACKEND.search(text) is not None


def _from_backend(details: str, model: str) -> BackendDead | None:
    return BackendDead(model) if is_dead_backend(details) else None


def _from_transport(details: str) -> bool:
    """Whether gRPC itself says this and not a backend: its words are about addresses and sockets, for nobody's eyes."""
    return (
        bool(re.search(r"connect|socket|transport|stream removed|ipv[46]:|goaway|shutting down|recvmsg", details, re.I))
        or not details
    )

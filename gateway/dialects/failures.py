"""Whatever went wrong as a status, a sentence and a code: the one place where an error's kind becomes HTTP.

Each dialect puts a `Failure` into its own form. Knows HTTP; shows nobody a trace, a file name or a library's words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from modelyard import errors

_STATUS: dict[errors.Kind, int] = {
    "invalid": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "overloaded": 503,
    "unavailable": 503,
    "timeout": 504,
    "internal": 500,
    "host": 500,
}
_CODES: tuple[tuple[type[errors.ModelyardError], str], ...] = (
    (errors.PromptTooLong, "context_length_exceeded"),
    (errors.FieldRefused, "unsupported_parameter"),
    (errors.InvalidInput, "invalid_value"),
    (errors.Unauthorized, "invalid_api_key"),
    (errors.NotAllowed, "not_allowed"),
    (errors.EntryNotFound, "model_not_found"),
    (errors.EntryExists, "model_exists"),
    (errors.EntryBusy, "model_busy"),
    (errors.EntryInUse, "model_in_use"),
    (errors.EntryDamaged, "model_damaged"),
    (errors.NoRepository, "no_repository"),
    (errors.JobNotFound, "job_not_found"),
    (errors.ResponseNotFound, "response_not_found"),
    (errors.SourceUnavailable, "source_unavailable"),
    (errors.ConversionFailed, "conversion_failed"),
    (errors.HostProblem, "host_problem"),
    (errors.Overloaded, "overloaded"),
    (errors.EngineTimeout, "engine_timeout"),
    (errors.EngineUnavailable, "engine_unavailable"),
    (errors.GenerationBroken, "engine_unavailable"),
    (errors.EngineError, "engine_error"),
)


@dataclass(frozen=True)
class Failure:
    """`param` is the field that is meant, in the form messages[0].role, where there is one; `model` the one that is
    missing."""

    status: int
    message: str
    code: str
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    model: str | None = None


def from_exception(error: Exception, *, content_type: str = "application/json") -> Failure:
    """Every exception has a failure; what we did not raise ourselves is an internal error without details."""
    if isinstance(error, errors.ModelyardError):
        return _ours(error)
    if isinstance(error, RequestValidationError):
        return _of_validation(error, content_type)
    if isinstance(error, HTTPException):
        return _of_http(error)
    return Failure(500, "an internal error happened; the log has it under this request's id", "internal_error")


def _ours(error: errors.ModelyardError) -> Failure:
    code = next((code for kind, code in _CODES if isinstance(error, kind)), "internal_error")
    param = "model" if isinstance(error, errors.EntryNotFound) else None
    if isinstance(error, errors.InvalidInput):
        param = error.field
    status = _STATUS[error.kind]
    headers = {}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(error.retry_after_s if isinstance(error, errors.Overloaded) else 1)
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    message = f"{error.message}; {error.hint}" if error.hint else error.message
    model = error.name if isinstance(error, errors.EntryNotFound) else None
    return Failure(status, message, code, param, headers, model)


def _of_http(error: HTTPException) -> Failure:
    sentences = {
        404: ("there is nothing at this path", "not_found"),
        405: ("this path does not take this method", "method_not_allowed"),
        400: ("the body cannot be read as JSON", "invalid_json"),
    }
    phrase = HTTPStatus(error.status_code).phrase.lower()
    sentence, code = sentences.get(error.status_code, (str(error.detail), phrase.replace(" ", "_")))
    return Failure(error.status_code, sentence, code, headers=dict(error.headers or {}))


def _of_validation(error: RequestValidationError, content_type: str) -> Failure:
    # Of a union, each member has its complaint; the deepest is of the member that was meant.
    first = max(error.errors(), key=lambda each: len(each["loc"]))
    where, kind = first["loc"], first["type"]
    if kind == "json_invalid":
        return Failure(400, f"the body is not valid JSON: {first.get('ctx', {}).get('error', '')}", "invalid_json")
    if where == ("body",):
        if kind != "missing" and "json" not in content_type.lower():
            return Failure(415, "send the body as application/json", "unsupported_media_type")
        return Failure(400, "the body must be a JSON object", "invalid_type")
    param = _path(where[1:])
    if kind == "extra_forbidden":
        return Failure(400, f"'{param}' is not a field of this request", "unknown_parameter", param)
    if kind == "missing":
        return Failure(400, f"'{param}' is missing", "missing_required_parameter", param)
    code = "invalid_type" if kind.endswith("_type") else "invalid_value"
    return Failure(400, f"'{param}' is not valid: {_lower(str(first['msg']))}", code, param)


def _path(where: tuple[Any, ...]) -> str:
    """("messages", 0, "role") as messages[0].role; the names of a union's members are left out."""
    text = ""
    for part in where:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.isidentifier() and part not in ("str", "bool", "int", "float", "dict", "list"):
            text += f".{part}" if text else part
    return text


def _lower(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]

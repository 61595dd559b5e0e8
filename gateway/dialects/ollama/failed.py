"""Ollama's error object.

Knows the form; the statuses are the same as everywhere.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from gateway.dialects.failures import Failure, from_exception
from gateway.dialects.ollama.lines import line


class ErrorBody(BaseModel):
    error: str


_DESCRIPTIONS = {
    400: "A field is wrong or cannot be honoured; it is named",
    401: "No key, or a wrong one",
    403: "A setting forbids it",
    404: "No such model",
    409: "The model is there already, or somebody else is changing it",
    413: "The body is too large",
    500: "The engine failed",
    503: "Too much to do, or no engine; see Retry-After",
    504: "The engine did not answer in time",
}


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For the OpenAPI page."""
    anything_else: dict[str, Any] = {"model": ErrorBody, "description": "Any other failure"}
    documented: dict[int | str, dict[str, Any]] = {
        status: {"model": ErrorBody, "description": _DESCRIPTIONS[status]} for status in statuses
    }
    return {**documented, "default": anything_else}


def from_failure(failure: Failure) -> dict[str, Any]:
    """A model that is missing is said in Ollama's own sentence, which clients look for."""
    if failure.model is not None:
        return {"error": f"model '{failure.model}' not found"}
    if failure.param is not None and f"'{failure.param}" not in failure.message:
        # There is no other place for the field's name.
        return {"error": f"'{failure.param}': {failure.message}"}
    return {"error": failure.message}


def last_words(error: Exception) -> bytes:
    """The line that ends a stream which broke."""
    return line(from_failure(from_exception(error)))

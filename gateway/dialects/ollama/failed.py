"""Ollama's error object.

Knows the form; the statuses are the same as everywhere.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from gateway.dialects.failures import Failure, from_exception
from gateway.dialects.ollama.lines import line
from gateway.dialects.statuses import failing


class ErrorBody(BaseModel):
    error: str


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For the OpenAPI page."""
    return failing(ErrorBody, *statuses)


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

"""Every error in OpenAI's form."""

from __future__ import annotations

import pytest

from gateway.dialects.failures import from_exception
from gateway.dialects.openai.translate import from_failure
from modelyard import errors


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (errors.InvalidInput("x", field="f"), 400, "invalid_request_error", "invalid_value"),
        (errors.FieldRefused("f", "x"), 400, "invalid_request_error", "unsupported_parameter"),
        (errors.PromptTooLong("x"), 400, "invalid_request_error", "context_length_exceeded"),
        (errors.Unauthorized(), 401, "authentication_error", "invalid_api_key"),
        (errors.EntryNotFound("m", []), 404, "invalid_request_error", "model_not_found"),
        (errors.Overloaded(5), 503, "server_error", "overloaded"),
        (errors.EngineUnavailable("x"), 503, "server_error", "engine_unavailable"),
        (errors.GenerationBroken(), 503, "server_error", "engine_unavailable"),
        (errors.EngineTimeout("x"), 504, "server_error", "engine_timeout"),
        (errors.EngineError("x"), 500, "server_error", "engine_error"),
        (KeyError("a secret"), 500, "server_error", "internal_error"),
    ],
)
def test_each_error_has_its_status_and_its_form(error: Exception, status: int, kind: str, code: str) -> None:
    failure = from_exception(error)
    body = from_failure(failure)["error"]
    assert (failure.status, body["type"], body["code"]) == (status, kind, code)
    assert ("Retry-After" in failure.headers) == (status == 503)
    assert "secret" not in body["message"]

"""What the OpenAPI document promises, tried by schemathesis: no 5xx, and no status or body that it does not tell of.

The Triton behind has a parrot only, so many valid bodies end in a clear refusal; the point is that nothing breaks.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode, checks
from schemathesis.specs.openapi import checks as openapi_checks

from tests.gateway.running import Gateway, Triton, add_parrot, serving

CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
]
MOST = 2**16  # bytes of a body
SAID = [{"role": "user", "content": "words=3 hello"}]
# Bodies that the parrot can answer: what schemathesis makes up seldom gets that far.
ANSWERED: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": SAID, "logprobs": True, "n": 2},
    "/v1/completions": {"prompt": ["words=3 hello", "words=1"], "echo": True},
    "/v1/responses": {"input": "words=3 hello"},
    "/v1/messages": {"messages": SAID, "max_tokens": 20},
    "/api/chat": {"messages": SAID},
    "/api/generate": {"prompt": "words=3 hello"},
    "/chat": {"message": "words=3 hello", "user_id": "anna"},
}


@pytest.fixture(scope="module")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Triton]:
    folder = tmp_path_factory.mktemp("openapi") / "repository"
    folder.mkdir()
    add_parrot(folder, "parrot")
    triton = Triton(folder, folder.parent / "triton.log")
    yield triton
    triton.close()


@pytest.fixture(scope="module")
def own_gateway(triton: Triton) -> Iterator[Gateway]:
    """One that may be told to delete its models."""
    folder = triton.repository
    with serving(
        [triton.url], model_repository=folder, offline=True, default_model="parrot", max_body_bytes=MOST
    ) as running:
        yield running


@pytest.fixture(scope="module")
def operations(own_gateway: Gateway) -> list[Any]:
    document = schemathesis.openapi.from_url(f"{own_gateway.url}/openapi.json")
    found = [each.ok() for each in document.get_all_operations()]
    assert len(found) > 40
    return found


def test_every_status_is_documented_by_itself(operations: list[Any]) -> None:
    """With a `default`, schemathesis would take any status for documented."""
    told = {status for operation in operations for status in operation.definition.raw["responses"]}
    assert told <= {"200", "202", "204", "400", "401", "403", "404", "409", "413", "415", "500", "503", "504"}


def test_nothing_breaks_and_every_answer_is_documented(operations: list[Any]) -> None:
    for operation in operations:
        # The answer of this one is a stream that ends with its job.
        if operation.path != "/v1/jobs/{job}/events":
            _try(operation)


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("path", ANSWERED)
def test_an_answer_is_as_documented(operations: list[Any], path: str, streams: bool) -> None:
    (operation,) = (each for each in operations if each.path == path)
    case = operation.Case(body={"model": "parrot", "stream": streams, **ANSWERED[path]}, media_type="application/json")
    answer = case.call(timeout=60)
    assert answer.status_code == 200, answer.text
    case.validate_response(answer, checks=CHECKS)


def test_what_the_layers_before_a_route_answer_is_documented_of_each(
    operations: list[Any], triton: Triton, own_gateway: Gateway
) -> None:
    with (
        serving([triton.url], api_key="open sesame, open sesame") as guarded,
        httpx.Client(trust_env=False, timeout=60) as http,
    ):
        for operation in operations:
            case = operation.Case(
                path_parameters={"name": "a", "model": "a", "job": "a", "user_id": "a", "response_id": "a"}
            )
            ask = partial(http.request, operation.method)
            path = case.formatted_path
            answers = {
                403: ask(f"{own_gateway.url}{path}", headers={"Host": "elsewhere.example"}),
                413: ask(f"{own_gateway.url}{path}", content=b" " * (MOST + 1)),
            }
            if not path.startswith(("/health/", "/v1/images/files/")):
                answers[401] = ask(f"{guarded.url}{path}")
            if operation.body:
                packed = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
                answers[415] = ask(f"{own_gateway.url}{path}", content=b"{}", headers=packed)
            for status, answer in answers.items():
                assert answer.status_code == status, f"{operation.label}: {answer.text}"
                case.validate_response(answer, checks=CHECKS)


def _try(operation: Any) -> None:
    cases = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    @given(case=cases, installed=st.booleans())
    def try_one(case: schemathesis.Case, installed: bool) -> None:
        # A model's name that is made up has no more to say than that there is none.
        if installed and isinstance(case.body, dict) and "model" in case.body and operation.method == "post":
            case.body["model"] = "parrot"
        case.validate_response(case.call(timeout=60), checks=CHECKS)

    try_one()

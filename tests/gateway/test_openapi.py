"""What the OpenAPI document promises, tried by schemathesis: no 5xx, and no status or body that it does not tell of.

The Triton behind has a parrot only, so most valid bodies end in a clear refusal; the point is that nothing breaks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi_checks

from tests.gateway.running import Gateway, Triton, add_parrot, serving

CHECKS = [checks.not_a_server_error, openapi_checks.status_code_conformance, openapi_checks.content_type_conformance]


@pytest.fixture(scope="module")
def own_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One that may be told to delete its models."""
    folder = tmp_path_factory.mktemp("openapi") / "repository"
    folder.mkdir()
    add_parrot(folder, "parrot")
    triton = Triton(folder, folder.parent / "triton.log")
    try:
        with serving([triton.url], model_repository=folder, offline=True, default_model="parrot") as running:
            yield running
    finally:
        triton.close()


def test_nothing_breaks_and_every_status_is_documented(own_gateway: Gateway) -> None:
    document = schemathesis.openapi.from_url(f"{own_gateway.url}/openapi.json")
    # Its answer is a stream that ends with its job.
    operations = [each.ok() for each in document.exclude(path="/v1/jobs/{job}/events").get_all_operations()]
    assert len(operations) > 40
    for operation in operations:
        _try(operation)


def _try(operation: Any) -> None:
    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    @given(case=operation.as_strategy())
    def try_one(case: schemathesis.Case) -> None:
        answer = case.call(timeout=60)
        case.validate_response(answer, checks=CHECKS)

    try_one()

"""The official `openai` client, unmodified, against the gateway and a real Triton."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from tests.gateway.running import Gateway


@pytest.fixture
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0) as made:
        yield made

"""The list of models by the official `openai` client, unmodified, against the gateway and a real Triton."""

from __future__ import annotations

import openai
import pytest


@pytest.mark.proves("GET /v1/models", "", "honoured")
@pytest.mark.proves("GET /v1/models/{model}", "", "honoured")
def test_models_are_listed_loaded_or_not(client: openai.OpenAI) -> None:
    assert {"parrot", "sick"} <= {model.id for model in client.models.list()}
    client.completions.create(model="parrot", prompt="words=1")
    assert client.models.retrieve("parrot").created == 1700000000
    with pytest.raises(openai.NotFoundError, match="parrot"):
        client.models.retrieve("nobody/such")

"""Text completions: OpenAI's words to ours, without HTTP and without an engine."""

from __future__ import annotations

import pytest

from gateway.dialects.openai.completions.schemas import CompletionRequest
from gateway.dialects.openai.completions.translate import to_generations
from gateway.domain.generation import GenerationRequest, Sampling, Tokens

COMPLETIONS = "POST /v1/completions"


def _wire(**more: object) -> CompletionRequest:
    return CompletionRequest.model_validate({"model": "m", **more})


def test_each_prompt_is_a_request() -> None:
    assert to_generations(_wire(prompt=["a", "b"], logprobs=2)) == [
        GenerationRequest("m", each, Sampling(logprobs=2)) for each in ("a", "b")
    ]


@pytest.mark.proves(COMPLETIONS, "prompt (array of tokens)", "honoured")
@pytest.mark.proves(COMPLETIONS, "prompt (array of token arrays)", "honoured")
def test_a_prompt_of_tokens_stays_one() -> None:
    assert [each.prompt for each in to_generations(_wire(prompt=[5, 6]))] == [Tokens((5, 6))]
    assert [each.prompt for each in to_generations(_wire(prompt=[[5, 6], [7]]))] == [Tokens((5, 6)), Tokens((7,))]

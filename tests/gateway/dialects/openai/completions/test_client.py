"""Text completions by the official `openai` client, unmodified, against the gateway and a real Triton."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

COMPLETIONS = "POST /v1/completions"


@pytest.mark.proves(COMPLETIONS, "", "honoured")
@pytest.mark.proves(COMPLETIONS, "model", "honoured")
@pytest.mark.proves(COMPLETIONS, "prompt", "honoured")
@pytest.mark.proves(COMPLETIONS, "prompt (array of strings)", "honoured")
@pytest.mark.proves(COMPLETIONS, "n", "honoured")
@pytest.mark.proves(COMPLETIONS, "stream", "honoured")
def test_completions_continue_each_prompt(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="parrot", prompt=["words=2", "words=1"], n=2)
    assert [choice.text for choice in answer.choices] == ["polly wants ", "polly wants ", "polly ", "polly "]
    texts = ["", "", "", ""]
    for chunk in client.completions.create(model="parrot", prompt=["words=2", "words=1"], n=2, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.text
    assert texts == [choice.text for choice in answer.choices]


@pytest.mark.proves(COMPLETIONS, "echo", "honoured")
def test_completions_echo_the_prompt(client: openai.OpenAI) -> None:
    whole = client.completions.create(model="parrot", prompt="words=1 ", echo=True)
    assert whole.choices[0].text == "words=1 polly "
    pieces = client.completions.create(model="parrot", prompt="words=1 ", echo=True, stream=True)
    assert "".join(piece.choices[0].text for piece in pieces) == "words=1 polly "


@pytest.mark.proves(COMPLETIONS, "logprobs", "honoured")
def test_completions_give_logprobs_with_offsets(client: openai.OpenAI) -> None:
    found = client.completions.create(model="parrot", prompt="words=3", logprobs=1).choices[0].logprobs
    assert found is not None
    assert found.tokens == ["polly ", "wants ", "a "]
    assert found.text_offset == [0, 6, 12]
    assert found.top_logprobs is not None
    assert found.top_logprobs[0] == {"polly ": -0.5}


@pytest.mark.proves(COMPLETIONS, "max_tokens", "honoured")
def test_the_limit_on_tokens_ends_with_length(client: openai.OpenAI) -> None:
    choice = client.completions.create(model="parrot", prompt="words=8", max_tokens=2).choices[0]
    assert (choice.text, choice.finish_reason) == ("polly wants ", "length")


@pytest.mark.proves(COMPLETIONS, "stop", "honoured")
@pytest.mark.parametrize("stop", ["cracker", ["x1", "x2", "x3", "x4", "cracker"]])
def test_stop_strings_end_the_answer(client: openai.OpenAI, stop: str | list[str]) -> None:
    assert client.completions.create(model="parrot", prompt="words=8", stop=stop).choices[0].text == "polly wants a "


@pytest.mark.proves(COMPLETIONS, "stream_options", "honoured")
@pytest.mark.proves(COMPLETIONS, "stream_options.include_usage", "honoured")
def test_usage_is_the_last_chunk_and_counts_all_prompts(client: openai.OpenAI) -> None:
    *chunks, last = client.completions.create(
        model="parrot", prompt=["words=3", "words=2"], stream=True, stream_options={"include_usage": True}
    )
    assert last.choices == []
    assert last.usage is not None
    assert (last.usage.prompt_tokens, last.usage.completion_tokens, last.usage.total_tokens) == (2, 5, 7)
    assert all(chunk.usage is None for chunk in chunks)


def _sent(field: str, value: object, name: str, got: object) -> Any:
    return pytest.param({field: value}, name, got, id=field, marks=pytest.mark.proves(COMPLETIONS, field, "honoured"))


@pytest.mark.parametrize(
    ("more", "name", "got"),
    [
        _sent("temperature", 1.5, "temperature", 1.5),
        _sent("top_p", 0.25, "top_p", 0.25),
        _sent("presence_penalty", -2, "presence_penalty", -2.0),
        _sent("frequency_penalty", 0.5, "frequency_penalty", 0.5),
        _sent("seed", -1, "seed", 2**63 - 1),
        _sent("logit_bias", {"7": -100}, "logit_bias", {"7": -100.0}),
        _sent("top_k", 5, "top_k", 5),
        _sent("min_p", 0.1, "min_p", 0.1),
        _sent("repetition_penalty", 1.5, "repetition_penalty", 1.5),
        _sent("min_tokens", 2, "min_tokens", 2),
        _sent("ignore_eos", True, "ignore_eos", True),
        _sent("stop_token_ids", [3, 4], "stop_token_ids", [3, 4]),
        _sent("skip_special_tokens", True, "skip_special_tokens", True),
        _sent("guided_json", {"type": "object"}, "structured_outputs", {"json": {"type": "object"}}),
        _sent("guided_regex", "a+", "structured_outputs", {"regex": "a+"}),
        _sent("guided_choice", ["a", "b"], "structured_outputs", {"choice": ["a", "b"]}),
        _sent("guided_grammar", "root ::= x", "structured_outputs", {"grammar": "root ::= x"}),
        _sent("structured_outputs", {"regex": "a+"}, "structured_outputs", {"regex": "a+"}),
    ],
)
def test_what_was_sent_is_what_the_engine_got(
    client: openai.OpenAI, more: dict[str, Any], name: str, got: object
) -> None:
    seen = json.loads(client.completions.create(model="parrot", prompt="say=sampling", extra_body=more).choices[0].text)
    found = seen[name]
    # A structure may travel as JSON within JSON, as Triton's vLLM backend wants it.
    assert (json.loads(found) if isinstance(found, str) else found) == got


@pytest.mark.proves(COMPLETIONS, "user", "honoured")
def test_a_label_of_the_sender_is_taken_and_changes_nothing(client: openai.OpenAI) -> None:
    without = client.completions.create(model="parrot", prompt="words=2")
    assert client.completions.create(model="parrot", prompt="words=2", user="u").choices == without.choices

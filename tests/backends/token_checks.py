"""The extension of the contract by tokens, as every backend for a language model keeps it.

Imported by the tests of each, whose own `client` these ask.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.backends.triton_client import Answer, Client, RequestFailed

GREEDY: dict[str, Any] = {"temperature": 0, "ignore_eos": True}
WORDS = "hello world"


async def outputs(client: Client, text: str = "", **tensors: Any) -> dict[str, list[Any]]:
    """Of a request that has one response."""
    (response,) = [each async for each in client.stream(text, tensors={"stream": None, **tensors})]
    assert response.final
    return response.outputs


async def ids_of(client: Client, text: str, **tensors: Any) -> list[int]:
    found = await outputs(client, text, operation="tokenize", **tensors)
    assert found["num_input_tokens"] == [len(found["token_ids"])]
    return found["token_ids"]


async def from_ids(client: Client, ids: list[int], **more: Any) -> Answer:
    return await client.ask("", tensors={"token_ids": ids}, **more)


async def test_a_text_as_tokens_and_back(client: Client) -> None:
    alone, added = await ids_of(client, WORDS, add_special_tokens=False), await ids_of(client, WORDS)
    assert added[1:] == alone  # a BOS token comes before
    assert (await outputs(client, token_ids=alone, operation="detokenize"))["text_output"] == [WORDS]
    assert (await outputs(client, token_ids=added, operation="detokenize"))["text_output"] == [f"<s>{WORDS}"]


async def test_a_bos_token_that_is_written_is_not_added(client: Client) -> None:
    assert await ids_of(client, f"<s>{WORDS}") == await ids_of(client, WORDS)


async def test_a_prompt_of_tokens_is_that_of_its_text(client: Client) -> None:
    ids = await ids_of(client, WORDS)
    told = await from_ids(client, ids, **GREEDY)
    assert told.text == (await client.ask(WORDS, **GREEDY)).text
    assert told.prompt_tokens == len(ids)
    # Nothing is added to what was given.
    assert (await from_ids(client, ids[1:], **GREEDY)).prompt_tokens == len(ids) - 1


async def test_a_prompt_of_tokens_comes_first_unless_it_is_excluded(client: Client) -> None:
    ids = await ids_of(client, WORDS, add_special_tokens=False)
    bare = await from_ids(client, ids, **GREEDY)
    whole = await client.ask("", tensors={"token_ids": ids, "stream": False}, **GREEDY)
    assert whole.text == WORDS + bare.text


@pytest.mark.parametrize("unknown", [-1, 100_000])
@pytest.mark.parametrize("operation", ["generate", "detokenize"])
async def test_tokens_that_the_model_has_not_got(client: Client, unknown: int, operation: str) -> None:
    with pytest.raises(RequestFailed, match=rf"^\[INVALID_ARG\] 'token_ids' has {unknown} at place 1, "):
        await outputs(client, token_ids=[5, unknown], operation=operation)


async def test_more_tokens_than_the_context_has(client: Client) -> None:
    with pytest.raises(RequestFailed, match=r"^\[INVALID_ARG\] the prompt has 600 tokens, the model's context is 512"):
        await from_ids(client, [5] * 600)


@pytest.mark.parametrize(
    ("tensors", "named"),
    [
        ({"operation": "translate"}, "operation"),
        ({"operation": "detokenize"}, "token_ids"),
        ({"text_input": "a", "token_ids": [5]}, "token_ids"),
    ],
)
async def test_what_cannot_be_honoured_is_named(client: Client, tensors: dict[str, Any], named: str) -> None:
    with pytest.raises(RequestFailed, match=rf"^\[INVALID_ARG\] '{named}' "):
        await outputs(client, **tensors)


async def test_the_token_that_ends_an_answer_is_never_shown(client: Client) -> None:
    # A grammar makes the model end its answer by its own end token.
    for skip in (True, False):
        answer = await client.ask(
            WORDS, skip_special_tokens=skip, structured_outputs={"choice": ["lazy"]}, max_tokens=30, logprobs=0
        )
        assert (answer.text, answer.finish_reason) == ("lazy", "stop")

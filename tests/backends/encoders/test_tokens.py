"""Texts given as token ids, and the tokenizer by itself, of an embeddings model in a real Triton."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.backends.encoders.conftest import Encoders

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXTS = ["a word", "rather more words than the other has"]
LONG = "word " * 2000


async def ids_of(encoders: Encoders, model: str, text: str, **more: Any) -> list[int]:
    answer = await encoders.client.ask(model, text_input=[text], operation="tokenize", **more)
    assert answer["num_input_tokens"].tolist() == [len(answer["token_ids"])]
    return [int(each) for each in answer["token_ids"]]


def rows(*given: list[int]) -> Any:
    longest = max(map(len, given))
    return np.array([[*ids, *[-1] * (longest - len(ids))] for ids in given], np.int32)


async def test_ids_are_their_texts(encoders: Encoders, minilm_fp16: str) -> None:
    given = rows(*[await ids_of(encoders, minilm_fp16, text) for text in TEXTS])
    told = await encoders.client.ask(minilm_fp16, input_ids=given)
    same = await encoders.client.ask(minilm_fp16, text_input=TEXTS)
    np.testing.assert_allclose(told["embedding"], same["embedding"], atol=1e-5)
    assert told["num_input_tokens"].tolist() == same["num_input_tokens"].tolist()


async def test_a_text_as_tokens_and_back(encoders: Encoders, minilm_fp16: str) -> None:
    alone = await ids_of(encoders, minilm_fp16, "a word", add_special_tokens=np.array([False]))
    added = await ids_of(encoders, minilm_fp16, "a word")
    assert added[1:-1] == alone
    back = await encoders.client.ask(minilm_fp16, operation="detokenize", token_ids=np.array(alone, np.int32))
    assert back["text_output"] == ["a word"]


async def test_what_is_cut_is_told_whole_by_the_tokenizer(encoders: Encoders, minilm_fp16: str) -> None:
    assert len(await ids_of(encoders, minilm_fp16, LONG)) == 2002
    assert (await encoders.client.ask(minilm_fp16, text_input=[LONG]))["num_input_tokens"].tolist() == [256]


async def test_a_request_says_whether_it_may_be_cut(encoders: Encoders, minilm_fp16: str) -> None:
    ask, refused = encoders.client.ask, encoders.client.refused
    no, yes = np.array([False]), np.array([True])
    assert "element 0 of 'text_input' has 2002 tokens" in await refused(minilm_fp16, text_input=[LONG], truncate=no)
    assert (await ask(minilm_fp16, text_input=[LONG], truncate=yes))["num_input_tokens"].tolist() == [256]
    ids = rows([5000] * 300)
    assert "element 0 of 'input_ids' has 300 tokens" in await refused(minilm_fp16, input_ids=ids, truncate=no)
    assert (await ask(minilm_fp16, input_ids=ids))["num_input_tokens"].tolist() == [256]


@pytest.mark.parametrize(
    ("inputs", "named"),
    [
        ({"input_ids": rows([5, 10**6])}, "'input_ids' has 1000000 in element 0"),
        ({"input_ids": rows([5, -2])}, "'input_ids' has -2 in element 0"),
        ({"input_ids": np.array([[-1, 5]], np.int32)}, "'input_ids' has a -1 among the ids of element 0"),
        ({"input_ids": np.array([[-1, -1]], np.int32)}, "element 0 of 'input_ids' has no tokens"),
        ({"input_ids": rows([5]), "text_input": ["a"]}, "'input_ids' cannot be honoured beside a 'text_input'"),
        ({"text_input": ["a"], "operation": "sing"}, "'operation' must be generate, tokenize or detokenize"),
        ({"operation": "detokenize"}, "'token_ids' is missing"),
        ({"operation": "detokenize", "token_ids": np.array([10**6], np.int32)}, "'token_ids' has 1000000"),
        ({}, "'text_input' has no texts"),
    ],
)
async def test_what_cannot_be_honoured_is_named(
    encoders: Encoders, minilm_fp16: str, inputs: dict[str, Any], named: str
) -> None:
    if not inputs:
        inputs = {"dimensions": 8}  # Triton itself refuses a request without any tensor
    assert named in await encoders.client.refused(minilm_fp16, **inputs)

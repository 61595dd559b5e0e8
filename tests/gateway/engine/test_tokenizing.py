"""The engine's tokenizer: what it is asked, and what becomes of an engine that has none or answers wrongly.

That ids and texts are right is shown through the whole line, in dialects/openai/tokens.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.domain.generation import Tokens
from gateway.domain.ports import Asked
from gateway.engine.replicas import Replicas
from gateway.engine.tokenizing import EngineTokenizer, to_ids, to_text
from modelyard.errors import EngineError, InvalidInput
from tests.gateway.running import Triton


@pytest.fixture
async def replicas(triton: Triton) -> AsyncIterator[Replicas]:
    made = Replicas(lambda: [triton.url], load_timeout_s=30, timeout_s=30)
    await made.start()
    yield made
    await made.close()


async def test_an_engine_with_vllms_tensors_alone_is_not_at_fault(replicas: Replicas) -> None:
    tokenizer = EngineTokenizer(replicas, timeout_s=30)
    for asked in (tokenizer.tokenize("parrot", "hello"), tokenizer.detokenize("parrot", [1])):
        with pytest.raises(InvalidInput, match="engine cannot be asked for tokens"):
            await asked
    with pytest.raises(InvalidInput, match="engine cannot be asked for tokens"):
        async for _ in replicas.generate("parrot", Asked(Tokens((1, 2))), stream=True):
            pass


@pytest.mark.parametrize("outputs", [{}, {"token_ids": b""}, {"text_output": b"\x05\0\0\0a"}, {"text_output": b""}])
def test_an_answer_that_is_no_text_is_an_error(outputs: dict[str, bytes]) -> None:
    with pytest.raises(EngineError, match="contract of tokens"):
        to_text("m", outputs)


@pytest.mark.parametrize("outputs", [{}, {"text_output": b""}, {"token_ids": b"\x05"}])
def test_an_answer_without_ids_is_an_error(outputs: dict[str, bytes]) -> None:
    with pytest.raises(EngineError, match="contract of tokens"):
        to_ids("m", outputs)


def test_ids_are_numbers_of_four_bytes() -> None:
    assert to_ids("m", {"token_ids": b"\x05\0\0\0\0\1\0\0"}) == (5, 256)
    assert to_ids("m", {"token_ids": b""}) == ()

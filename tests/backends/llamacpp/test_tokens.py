"""Prompts in tokens, and the tokenizer by itself, through a real Triton with llama.cpp."""

from __future__ import annotations

import pytest

from tests.backends.token_checks import (
    test_a_bos_token_that_is_written_is_not_added,
    test_a_prompt_of_tokens_comes_first_unless_it_is_excluded,
    test_a_prompt_of_tokens_is_that_of_its_text,
    test_a_text_as_tokens_and_back,
    test_more_tokens_than_the_context_has,
    test_the_token_that_ends_an_answer_is_never_shown,
    test_tokens_that_the_model_has_not_got,
    test_what_cannot_be_honoured_is_named,
)

__all__ = [
    "test_a_bos_token_that_is_written_is_not_added",
    "test_a_prompt_of_tokens_comes_first_unless_it_is_excluded",
    "test_a_prompt_of_tokens_is_that_of_its_text",
    "test_a_text_as_tokens_and_back",
    "test_more_tokens_than_the_context_has",
    "test_the_token_that_ends_an_answer_is_never_shown",
    "test_tokens_that_the_model_has_not_got",
    "test_what_cannot_be_honoured_is_named",
]

pytestmark = pytest.mark.asyncio(loop_scope="session")

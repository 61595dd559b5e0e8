"""Ollama's options become our sampling, or are refused by name."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.dialects.ollama.generation.options import REFUSED, Options, check_context, to_sampling
from gateway.domain.generation import Sampling
from modelyard.errors import FieldRefused


def _sampling(**given: Any) -> Sampling:
    return to_sampling(Options.model_validate(given))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"temperature": 0}, Sampling(temperature=0)),
        ({"top_p": 0.9, "min_p": 0.05}, Sampling(top_p=0.9, min_p=0.05)),
        ({"top_k": 40}, Sampling(top_k=40)),
        ({"top_k": 0}, Sampling(top_k=-1)),
        ({"repeat_penalty": 1.1}, Sampling(repetition_penalty=1.1)),
        ({"repeat_penalty": 1.1, "repeat_last_n": -1}, Sampling(repetition_penalty=1.1)),
        (
            {"repeat_penalty": 1.1, "presence_penalty": 1, "frequency_penalty": 1, "repeat_last_n": 0},
            Sampling(repetition_penalty=1, presence_penalty=0, frequency_penalty=0),
        ),
        ({"presence_penalty": 0.5, "frequency_penalty": -0.5}, Sampling(presence_penalty=0.5, frequency_penalty=-0.5)),
        ({"num_predict": 7}, Sampling(max_tokens=7)),
        ({"seed": 42}, Sampling(seed=42)),
        ({"seed": -1}, Sampling()),
        ({"stop": "a"}, Sampling(stop=("a",))),
        ({"stop": ["a", "b"]}, Sampling(stop=("a", "b"))),
        ({"stop": []}, Sampling()),
        ({"num_keep": -1, "mirostat": 0, "mirostat_tau": 5.0, "mirostat_eta": 0.1}, Sampling()),
        ({"repeat_last_n": 64}, Sampling()),
        (dict.fromkeys((*REFUSED, *Options.model_fields)), Sampling()),
    ],
)
def test_an_option_is_ours_under_another_name(given: dict[str, Any], expected: Sampling) -> None:
    assert _sampling(**given) == expected


@pytest.mark.parametrize("number", [-2, -1, 0])
def test_an_answer_without_limit_ends_where_the_context_is_full(number: int) -> None:
    assert (_sampling(num_predict=number).max_tokens or 0) > 10**9


def test_a_seed_below_zero_is_one_that_engines_take() -> None:
    assert (_sampling(seed=-2).seed or -1) >= 0


@pytest.mark.parametrize(
    "given",
    [
        {"typical_p": 0.5},
        {"tfs_z": 2.0},
        {"mirostat": 1},
        {"mirostat_tau": 4.0},
        {"mirostat_eta": 0.2},
        {"num_keep": 24},
        {"penalize_newline": False},
        {"numa": True},
        {"num_batch": 16},
        {"num_gpu": 0},
        {"main_gpu": 1},
        {"num_thread": 8},
        {"low_vram": True},
        {"f16_kv": False},
        {"use_mmap": False},
        {"use_mlock": True},
        {"logits_all": True},
        {"vocab_only": True},
        {"embedding_only": True},
        {"repeat_last_n": 64, "repeat_penalty": 1.1},
    ],
    ids=lambda given: next(iter(given)),
)
def test_what_cannot_be_had_is_refused_by_name(given: dict[str, Any]) -> None:
    with pytest.raises(FieldRefused, match=f"options.{next(iter(given))}"):
        Options.model_validate(given)


def test_every_refused_option_has_a_value_that_asks_for_nothing() -> None:
    for name, refusal in REFUSED.items():
        for value in refusal.nothing:
            assert _sampling(**{name: value}) == Sampling()


@pytest.mark.parametrize(
    "given",
    [
        {"temperature": -1},
        {"temperature": "1"},
        {"top_p": 2},
        {"num_predict": -3},
        {"num_ctx": 0},
        {"stop": [""]},
        {"seed": 1.5},
        {"stop": 5},
        {"nonsense": 1},
    ],
    ids=str,
)
def test_a_value_that_is_wrong_is_not_taken(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate(given)


def test_no_more_context_is_promised_than_there_is() -> None:
    options = Options(num_ctx=4096)
    check_context(options, 4096)
    check_context(options, None)
    check_context(None, 10)
    with pytest.raises(FieldRefused, match=r"options\.num_ctx.*2048"):
        check_context(options, 2048)

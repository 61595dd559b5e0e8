"""Every sampling parameter is put into llama.cpp's words, or refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from backends.common.failures import Refused
from backends.llamacpp.sampling import SAMPLING


def engine(room: int = 100, *, with_logprobs: bool = False, **given: Any) -> dict[str, Any]:
    return SAMPLING.read(json.dumps(given)).for_engine(room=room, seed=5, with_logprobs=with_logprobs)


def test_everything_reaches_the_engine() -> None:
    attributes = engine(
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        min_p=0.1,
        max_tokens=20,
        stop_token_ids=[7],
        presence_penalty=1,
        frequency_penalty=-1,
        repetition_penalty=1.2,
        ignore_eos=True,
        logit_bias={"3": -100},
        lora_name="polite",
        skip_special_tokens=False,
        include_stop_str_in_output=True,
        structured_outputs={"grammar": 'root ::= "x"'},
    )
    fields = attributes.pop("fields")
    assert attributes == {
        "lora_name": "polite",
        "stop_token_ids": {7},
        "include_stop": True,
        "show_special": True,
        "alternatives": 0,
    }
    assert fields == {
        "n_predict": 20,
        "ignore_eos": True,
        "repeat_penalty": 1.2,
        "presence_penalty": 1.0,
        "frequency_penalty": -1.0,
        "samplers": ("penalties", "temperature", "min_p", "top_k", "top_p"),
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "min_p": 0.1,
        "seed": 5,
        "n_probs": 0,
        "grammar": 'root ::= "x"',
        "logit_bias": ((3, -100.0),),
    }


def test_llamacpps_own_defaults_do_not_apply() -> None:
    fields = engine()["fields"]
    assert (fields["top_p"], fields["top_k"], fields["min_p"], fields["n_predict"]) == (1.0, 0, 0.0, 16)
    assert engine(temperature=0, top_k=3)["fields"].keys().isdisjoint({"top_p", "top_k", "min_p"})


def test_a_long_seed_is_never_the_one_that_means_any() -> None:
    seeds = {SAMPLING.read("{}").for_engine(room=9, seed=seed, with_logprobs=False)["fields"]["seed"] for seed in LONG}
    assert all(0 <= seed < 2**32 - 1 for seed in seeds)


LONG = (0, 2**32 - 2, 2**32 - 1, 2**32, 2**63 - 1)


def test_one_more_than_the_likeliest_is_never_asked_for_in_vain() -> None:
    assert engine(with_logprobs=True)["fields"]["n_probs"] == 1
    assert engine(with_logprobs=True, logprobs=5)["fields"]["n_probs"] == 5
    assert engine(logprobs=5)["alternatives"] == 5


def test_max_tokens_ends_where_the_context_does() -> None:
    assert engine(room=9, max_tokens=None)["fields"]["n_predict"] == 9
    assert engine(room=9, max_tokens=20)["fields"]["n_predict"] == 9


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("min_tokens", 1),
        ("prompt_logprobs", 0),
        ("best_of", 2),
        ("bad_words", ["x"]),
        ("allowed_token_ids", [1]),
        ("logprobs", -1),
        ("logprobs", 65),
        ("logit_bias", {"-1": 1}),
        ("logit_bias", {"1": 101}),
        ("logit_bias", {"1": "a"}),
        ("lora_name", 3),
        ("structured_outputs", []),
        ("structured_outputs", {"json": 3}),
        ("structured_outputs", {"json_object": "yes"}),
        ("structured_outputs", {"json": {"not": {}}}),
        ("structured_outputs", {"choice": [""]}),
        ("structured_outputs", {"regex": "(a)\\1"}),
        ("structured_outputs", {"grammar": " "}),
        ("structured_outputs", {"grammar": "%llguidance {}\nstart: ("}),
        ("guided_decoding", {"structural_tag": {}}),
    ],
)
def test_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(Refused, match=f"'{name}'"):
        SAMPLING.read(json.dumps({name: value}))


def test_why_a_schema_cannot_be_honoured_is_said() -> None:
    with pytest.raises(Refused, match="Unimplemented keys"):
        SAMPLING.read(json.dumps({"structured_outputs": {"json": {"not": {"type": "string"}}}}))
    with pytest.raises(Refused, match="look-around"):
        SAMPLING.read(json.dumps({"structured_outputs": {"regex": "a(?=b)"}}))

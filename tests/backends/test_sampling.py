"""Every sampling parameter is honoured or refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from backends.common.failures import Refused
from backends.openvino_genai.sampling import Sampling, known_parameters, read_sampling


def engine(room: int = 100, **given: Any) -> dict[str, Any]:
    return read_sampling(json.dumps(given)).for_engine(room=room, seed=5, with_logprobs=False)


def test_nothing_given_is_vllms_defaults() -> None:
    assert read_sampling("") == read_sampling("{}") == Sampling()
    assert engine()["max_new_tokens"] == 16
    assert engine()["do_sample"]


def test_temperature_0_is_greedy() -> None:
    assert "do_sample" not in engine(temperature=0, seed=3, top_p=0.5)


def test_everything_reaches_the_engine() -> None:
    attributes = engine(
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        min_p=0.1,
        max_tokens=20,
        min_tokens=3,
        stop_token_ids=[7],
        presence_penalty=1,
        frequency_penalty=-1,
        repetition_penalty=1.2,
        ignore_eos=True,
    )
    assert attributes == {
        "do_sample": True,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "min_p": 0.1,
        "max_new_tokens": 20,
        "min_new_tokens": 3,
        "stop_token_ids": [7],
        "presence_penalty": 1.0,
        "frequency_penalty": -1.0,
        "repetition_penalty": 1.2,
        "ignore_eos": True,
        "rng_seed": 5,
        "logprobs": 0,
    }


def test_max_tokens_ends_where_the_context_does() -> None:
    assert engine(room=9, max_tokens=20, min_tokens=20)["max_new_tokens"] == 9
    assert engine(room=9, max_tokens=20, min_tokens=20)["min_new_tokens"] == 9
    assert engine(room=9, max_tokens=None)["max_new_tokens"] == 9


def test_top_k_0_and_minus_1_are_all_tokens() -> None:
    assert "top_k" not in engine(top_k=0) | engine(top_k=-1)


def test_a_seed_is_kept_and_a_missing_one_is_drawn() -> None:
    assert read_sampling('{"n": 3, "seed": 7}').seeds() == [7, 8, 9]
    assert read_sampling(json.dumps({"seed": 2**62 + 1})).seeds() == [2**62 + 1]
    assert len({read_sampling("{}").seeds()[0] for _ in range(8)}) > 1


@pytest.mark.parametrize("stop", ["a", ["a"]])
def test_stop_is_a_string_or_a_list(stop: Any) -> None:
    assert read_sampling(json.dumps({"stop": stop})).stop == ("a",)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 0),
        ("n", 129),
        ("n", 1.5),
        ("n", True),
        ("temperature", -0.1),
        ("temperature", "warm"),
        ("temperature", [1]),
        ("top_p", 0),
        ("top_p", 1.1),
        ("top_k", -2),
        ("min_p", 1),
        ("min_p", -1),
        ("max_tokens", 0),
        ("max_tokens", -1),
        ("min_tokens", 17),
        ("stop", [""]),
        ("stop", 3),
        ("stop_token_ids", [-1]),
        ("stop_token_ids", "1"),
        ("include_stop_str_in_output", "yes"),
        ("seed", -1),
        ("seed", 2**63),
        ("presence_penalty", 2.1),
        ("frequency_penalty", -2.1),
        ("repetition_penalty", 0),
        ("logprobs", 1),
        ("logprobs", True),
        ("ignore_eos", 1),
        ("skip_special_tokens", "no"),
        ("detokenize", False),
        ("lora_name", "mine"),
        ("logit_bias", {"1": 2}),
        ("prompt_logprobs", 0),
        ("best_of", 2),
        ("bad_words", ["x"]),
        ("guided_decoding", {"json": {"not": {}}}),
        ("structured_outputs", "{}"),
        ("structured_outputs", "{"),
        ("structured_outputs", []),
        ("structured_outputs", {"json_object": "yes"}),
        ("structured_outputs", {"grammar": " "}),
        ("structured_outputs", {"grammar": "root ::= " + "(" * 200}),
        ("allowed_token_ids", [1]),
        ("truncate_prompt_tokens", 3),
        ("use_beam_search", True),
        ("temprature", 1),
    ],
)
def test_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(Refused, match=f"'{name}'") as refused:
        read_sampling(json.dumps({name: value}))
    assert refused.value.code == "INVALID_ARG"


@pytest.mark.parametrize("text", ["[]", "3", "{", '"a"'])
def test_what_is_no_object(text: str) -> None:
    with pytest.raises(Refused, match="sampling_parameters"):
        read_sampling(text)


@pytest.mark.parametrize("name", ["lora_name", "logit_bias", "best_of", "seed", "stop", "top_k"])
def test_null_asks_for_nothing(name: str) -> None:
    assert read_sampling(json.dumps({name: None})) == Sampling()


def test_a_requests_own_parameters_may_hold_others_ones() -> None:
    assert known_parameters('{"temperature": "0.5", "triton_x": true, "priority": 1}') == Sampling(temperature=0.5)
    with pytest.raises(Refused, match="'lora_name'"):
        known_parameters('{"lora_name": "mine"}')

"""Text completions: what is wrong or cannot be honoured is a 400 that names the field, by HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

COMPLETIONS = "POST /v1/completions"
GOOD: dict[str, Any] = {"model": "parrot", "prompt": "words=1"}


def _error(http: httpx.Client, more: dict[str, Any]) -> dict[str, Any]:
    answer = http.post("/v1/completions", json=GOOD | more)
    assert answer.status_code == 400, answer.text
    error: dict[str, Any] = answer.json()["error"]
    return error


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("suffix", "end", marks=pytest.mark.proves(COMPLETIONS, "suffix", "refused")),
        pytest.param("best_of", 3, marks=pytest.mark.proves(COMPLETIONS, "best_of", "refused")),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(http: httpx.Client, field: str, value: object) -> None:
    error = _error(http, {field: value})
    assert (error["param"], error["code"]) == (field, "unsupported_parameter")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", []),
        ("prompt", 5),
        ("prompt", None),
        ("prompt", {}),
        ("prompt", ["a", 1]),
        ("prompt", [1, "a"]),
        ("prompt", [1.5]),
        ("prompt", [-1]),
        ("prompt", [2**31]),
        ("prompt", [True]),
        ("prompt", [[]]),
        ("prompt", [[1], []]),
        ("prompt", [[1], "a"]),
        ("prompt", [[[1]]]),
        ("prompt", ["a"] * 257),
        ("echo", "yes"),
        ("logprobs", True),
        ("logprobs", 21),
        ("max_tokens", 0),
        ("response_format", {"type": "json_object"}),
        ("tools", []),
        ("messages", [{"role": "user", "content": "x"}]),
    ],
)
def test_a_wrong_value_is_named(http: httpx.Client, field: str, value: object) -> None:
    assert _error(http, {field: value})["param"].startswith(field)


@pytest.mark.parametrize("more", [{"logprobs": 1}, {"prompt": [1, 2]}, {"prompt": [[1], [2]]}])
def test_a_prompt_that_cannot_be_repeated_is_refused(http: httpx.Client, more: dict[str, Any]) -> None:
    error = _error(http, {"echo": True} | more)
    assert (error["param"], error["code"]) == ("echo", "unsupported_parameter")


@pytest.mark.parametrize("more", [{"prompt": [1, 2]}, {"prompt": [[1], [2]], "stream": True}])
def test_an_engine_that_takes_no_tokens_says_so(http: httpx.Client, more: dict[str, Any]) -> None:
    assert _error(http, more)["param"] == "prompt"


def test_fields_that_ask_for_nothing_are_accepted(http: httpx.Client) -> None:
    nothing = {"suffix": "", "best_of": 2, "n": 2, "logit_bias": {}, "stop": [], "stream": None, "echo": False}
    assert http.post("/v1/completions", json=GOOD | nothing).status_code == 200

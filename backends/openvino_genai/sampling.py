"""Sampling parameters in vLLM's words: checked, completed, and put into the words of OpenVINO GenAI.

A parameter is honoured or refused by name, never dropped. Knows names and ranges; does not know the engine's types.
"""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..common.failures import Refused

_GREEDY_BELOW = 1e-5  # as vLLM's own

# Parameters of vLLM that this engine cannot honour, and what to say. At these values they ask for nothing.
_UNSUPPORTED = {
    "lora_name": "this model was loaded without LoRA adapters",
    "logit_bias": "OpenVINO GenAI has no logit bias",
    "prompt_logprobs": "OpenVINO GenAI does not report the logprobs of a prompt",
    "best_of": "it was removed from vLLM; ask for n answers instead",
    "bad_words": "OpenVINO GenAI cannot ban words",
    "allowed_token_ids": "OpenVINO GenAI cannot restrict the tokens",
    "guided_decoding": "this backend has no constrained output",
    "structured_outputs": "this backend has no constrained output",
    "truncate_prompt_tokens": "this backend refuses a prompt that is too long instead of cutting it",
    "logits_processors": "it cannot be sent over the network",
    "extra_args": "this backend has none",
}


def _asks_for_nothing(value: object) -> bool:
    return value is None or value is False or value in ("", [], {})


@dataclass(frozen=True)
class Sampling:
    """What a caller asked for. `max_tokens` None fills the context; `temperature` 0 is greedy; `top_k` 0 is all."""

    n: int = 1
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    max_tokens: int | None = 16  # vLLM's default, and OpenAI's for completions
    min_tokens: int = 0
    stop: tuple[str, ...] = ()
    stop_token_ids: tuple[int, ...] = ()
    include_stop_str_in_output: bool = False
    seed: int | None = None
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repetition_penalty: float = 1.0
    logprobs: bool = False
    ignore_eos: bool = False
    skip_special_tokens: bool = True

    @property
    def greedy(self) -> bool:
        return self.temperature < _GREEDY_BELOW

    def seeds(self) -> list[int]:
        """A seed for each of the n sequences; drawn where none was given, since the engine's default is always 0."""
        first = self.seed if self.seed is not None else secrets.randbits(32)
        return [first + index for index in range(self.n)]

    def for_engine(self, *, room: int, seed: int, with_logprobs: bool) -> dict[str, Any]:
        """The attributes of a GenerationConfig for one sequence; `room` is the tokens that the context has left."""
        most = room if self.max_tokens is None else min(self.max_tokens, room)
        attributes: dict[str, Any] = {
            "max_new_tokens": most,
            "min_new_tokens": min(self.min_tokens, most),
            "ignore_eos": self.ignore_eos,
            "stop_token_ids": list(self.stop_token_ids),
            "presence_penalty": self.presence_penalty,
            "frequency_penalty": self.frequency_penalty,
            "repetition_penalty": self.repetition_penalty,
            "logprobs": int(with_logprobs),
        }
        if not self.greedy:
            attributes |= {
                "do_sample": True,
                "temperature": self.temperature,
                "top_p": self.top_p,
                "min_p": self.min_p,
                "rng_seed": seed,
            }
            if self.top_k:
                attributes["top_k"] = self.top_k
        return attributes


def read_sampling(text: str) -> Sampling:
    """The parameters from their JSON text. Raises Refused."""
    try:
        given = json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise Refused(f"sampling_parameters is not JSON: {error}") from None
    if not isinstance(given, dict):
        raise Refused("sampling_parameters must be a JSON object")
    return checked_sampling(given)


def known_parameters(text: str) -> Sampling:
    """The parameters from the request's own ones, among which there may be any number that are not for sampling."""
    given = json.loads(text) if text.strip() else {}
    return checked_sampling({name: given[name] for name in given if name in _PARSERS or name in _UNSUPPORTED})


def checked_sampling(given: Mapping[str, Any]) -> Sampling:
    """The parameters by name. A null is the same as leaving the name out, but for max_tokens. Raises Refused."""
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name in _UNSUPPORTED:
            if not _asks_for_nothing(value):
                raise Refused(f"'{name}' cannot be honoured: {_UNSUPPORTED[name]}")
        elif name not in _PARSERS:
            raise Refused(f"'{name}' is not a sampling parameter that this backend knows")
        elif value is not None:
            try:
                values[name] = _PARSERS[name](value)
            except (ValueError, TypeError, OverflowError) as error:
                raise Refused(f"'{name}' must be {error}, not {json.dumps(value)}") from None
        elif name == "max_tokens":
            values[name] = None
    # Always at these values in vLLM too, unless somebody turns them off, which cannot be honoured.
    values.pop("detokenize", None)
    values.pop("spaces_between_special_tokens", None)
    sampling = Sampling(**values)
    if sampling.max_tokens is not None and sampling.min_tokens > sampling.max_tokens:
        raise Refused(f"'min_tokens' must be at most max_tokens, which is {sampling.max_tokens}")
    return sampling


def _number(
    low: float, high: float, words: str, *, open_low: bool = False, open_high: bool = False
) -> Callable[[Any], float]:
    def parse(value: Any) -> float:
        # Request parameters outside of the tensor arrive as text at times, as vLLM's backend takes them.
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError(words)
        try:
            number = float(value)
        except ValueError:
            raise ValueError(words) from None
        fits = math.isfinite(number) and low <= number <= high
        if not fits or (open_low and number == low) or (open_high and number == high):
            raise ValueError(words)
        return number

    return parse


def _whole(low: int, high: int, words: str) -> Callable[[Any], int]:
    number = _number(low, high, words)

    def parse(value: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value  # not by way of float, which has no room for a long seed
        if (whole := int(number(value))) != float(value):
            raise ValueError(words)
        return whole

    return parse


def _top_k(value: Any) -> int:
    return max(_whole(-1, 2**31, "a whole number, or -1 or 0 for all tokens")(value), 0)


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _always_true(value: Any) -> bool:
    if value is not True:
        raise ValueError("true, which is all that this backend can do")
    return True


def _strings(value: Any) -> tuple[str, ...]:
    found = (value,) if isinstance(value, str) else value
    if not isinstance(found, list | tuple) or not all(isinstance(each, str) and each for each in found):
        raise ValueError("a string or a list of strings, none of them empty")
    return tuple(found)


def _token_ids(value: Any) -> tuple[int, ...]:
    fine = isinstance(value, list) and all(
        isinstance(each, int) and not isinstance(each, bool) and 0 <= each < 2**31 for each in value
    )
    if not fine:
        raise ValueError("a list of token ids")
    return tuple(value)


def _chosen_only(value: Any) -> bool:
    if isinstance(value, bool) or value != 0:
        raise ValueError("0: OpenVINO GenAI reports the logprob of the chosen token only")
    return True


_MANY = 2**31 - 1
_PARSERS: dict[str, Callable[[Any], Any]] = {
    "n": _whole(1, 128, "a whole number from 1 to 128"),
    "temperature": _number(0, 100, "a number from 0 to 100"),
    "top_p": _number(0, 1, "a number above 0 and up to 1", open_low=True),
    "top_k": _top_k,
    "min_p": _number(0, 1, "a number from 0 and below 1", open_high=True),
    "max_tokens": _whole(1, _MANY, "a whole number of at least 1"),
    "min_tokens": _whole(0, _MANY, "a whole number of at least 0"),
    "stop": _strings,
    "stop_token_ids": _token_ids,
    "include_stop_str_in_output": _truth,
    "seed": _whole(0, 2**63 - 1, "a whole number from 0 to 2**63 - 1"),
    "presence_penalty": _number(-2, 2, "a number from -2 to 2"),
    "frequency_penalty": _number(-2, 2, "a number from -2 to 2"),
    "repetition_penalty": _number(0, 100, "a number above 0 and up to 100", open_low=True),
    "logprobs": _chosen_only,
    "ignore_eos": _truth,
    "skip_special_tokens": _truth,
    "detokenize": _always_true,
    "spaces_between_special_tokens": _always_true,
}

"""Sampling parameters in vLLM's words: checked and completed.

A parameter is honoured or refused by name, never dropped. Knows names and ranges; what an engine cannot do and what it
calls the others is told by its backend.
"""

from __future__ import annotations

import abc
import json
import math
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ..failures import Refused

_LONGEST_SHOWN = 80  # characters of a wrong value that are repeated
_GREEDY_BELOW = 1e-5  # as vLLM's own

Parser = Callable[[Any], Any]


@dataclass(frozen=True)
class Sampling(abc.ABC):
    """What a caller asked for. `max_tokens` None fills the context; `temperature` 0 is greedy; `top_k` 0 is all.

    `logprobs` is how many tokens beside the chosen one are reported, None where nothing is.
    """

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
    logprobs: int | None = None
    ignore_eos: bool = False
    skip_special_tokens: bool = True

    @property
    def greedy(self) -> bool:
        return self.temperature < _GREEDY_BELOW

    @property
    def constrained(self) -> bool:
        """Whether the text is held to a grammar."""
        return False

    def seeds(self) -> list[int]:
        """A seed for each of the n sequences; drawn where none was given, since engines' own default is constant."""
        first = self.seed if self.seed is not None else secrets.randbits(32)
        return [first + index for index in range(self.n)]

    def most_tokens(self, room: int) -> int:
        """Tokens that an answer may have where the context has `room` for so many."""
        return room if self.max_tokens is None else min(self.max_tokens, room)

    @abc.abstractmethod
    def for_engine(self, *, room: int, seed: int, with_logprobs: bool) -> dict[str, Any]:
        """The engine's words for one sequence; `room` is the tokens that the context has left."""


S = TypeVar("S", bound=Sampling)


class SamplingReader(Generic[S]):
    """Reads parameters into `make`. `unsupported` are names with what to say when somebody asks for them; `parsers`
    are the backend's own, beside and instead of those that every engine can honour."""

    def __init__(
        self, make: Callable[..., S], *, unsupported: Mapping[str, str], parsers: Mapping[str, Parser]
    ) -> None:
        self._make = make
        self._unsupported = unsupported
        self._parsers = {name: each for name, each in {**_PARSERS, **parsers}.items() if name not in unsupported}

    def read(self, text: str) -> S:
        """The parameters from their JSON text. Raises Refused."""
        try:
            given = json.loads(text) if text.strip() else {}
        except (ValueError, RecursionError) as error:
            raise Refused(f"sampling_parameters is not JSON: {error}") from None
        if not isinstance(given, dict):
            raise Refused("sampling_parameters must be a JSON object")
        return self._checked(given)

    def known(self, text: str) -> S:
        """The parameters from the request's own ones, among which there may be any number that are not for sampling."""
        given = json.loads(text) if text.strip() else {}
        return self._checked(
            {name: given[name] for name in given if name in self._parsers or name in self._unsupported}
        )

    def _checked(self, given: Mapping[str, Any]) -> S:
        # A null is the same as leaving the name out, but for max_tokens.
        values: dict[str, Any] = {}
        for name, value in given.items():
            if name in self._unsupported:
                if not _asks_for_nothing(value):
                    raise Refused(f"'{name}' cannot be honoured: {self._unsupported[name]}")
            elif name not in self._parsers:
                raise Refused(f"'{name}' is not a sampling parameter that this backend knows")
            elif value is not None:
                try:
                    values[name] = self._parsers[name](value)
                except (ValueError, TypeError, OverflowError) as error:
                    raise Refused(f"'{name}' must be {error}, not {_shown(value)}") from None
            elif name == "max_tokens":
                values[name] = None
        # Always at these values in vLLM too, unless somebody turns them off, which cannot be honoured.
        values.pop("detokenize", None)
        values.pop("spaces_between_special_tokens", None)
        sampling = self._make(**values)
        if sampling.max_tokens is not None and sampling.min_tokens > sampling.max_tokens:
            raise Refused(f"'min_tokens' must be at most max_tokens, which is {sampling.max_tokens}")
        return sampling


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _asks_for_nothing(value: object) -> bool:
    return value is None or value is False or value in ("", [], {})


def number(
    low: float, high: float, words: str, *, open_low: bool = False, open_high: bool = False
) -> Callable[[Any], float]:
    def parse(value: Any) -> float:
        # Request parameters outside of the tensor arrive as text at times, as vLLM's backend takes them.
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError(words)
        try:
            figure = float(value)
        except ValueError:
            raise ValueError(words) from None
        fits = math.isfinite(figure) and low <= figure <= high
        if not fits or (open_low and figure == low) or (open_high and figure == high):
            raise ValueError(words)
        return figure

    return parse


def whole(low: int, high: int, words: str) -> Callable[[Any], int]:
    parsed = number(low, high, words)

    def parse(value: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value  # not by way of float, which has no room for a long seed
        if (figure := int(parsed(value))) != float(value):
            raise ValueError(words)
        return figure

    return parse


def _top_k(value: Any) -> int:
    return max(whole(-1, 2**31, "a whole number, or -1 or 0 for all tokens")(value), 0)


def truth(value: Any) -> bool:
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


_MANY = 2**31 - 1
_PARSERS: dict[str, Parser] = {
    "n": whole(1, 128, "a whole number from 1 to 128"),
    "temperature": number(0, 100, "a number from 0 to 100"),
    "top_p": number(0, 1, "a number above 0 and up to 1", open_low=True),
    "top_k": _top_k,
    "min_p": number(0, 1, "a number from 0 and below 1", open_high=True),
    "max_tokens": whole(1, _MANY, "a whole number of at least 1"),
    "min_tokens": whole(0, _MANY, "a whole number of at least 0"),
    "stop": _strings,
    "stop_token_ids": _token_ids,
    "include_stop_str_in_output": truth,
    "seed": whole(0, 2**63 - 1, "a whole number from 0 to 2**63 - 1"),
    "presence_penalty": number(-2, 2, "a number from -2 to 2"),
    "frequency_penalty": number(-2, 2, "a number from -2 to 2"),
    "repetition_penalty": number(0, 100, "a number above 0 and up to 100", open_low=True),
    "ignore_eos": truth,
    "skip_special_tokens": truth,
    "detokenize": _always_true,
    "spaces_between_special_tokens": _always_true,
}

"""Parameters of an entry's config.pbtxt to typed settings; what is wrong is said with the parameter's name.

Knows texts and figures; does not know what a backend makes of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


class BadSetting(ValueError):
    """A parameter of config.pbtxt that cannot be used; the sentence names it."""


class Parameters:
    """The parameters of an entry: `get("DEVICE", str.upper, "CPU")`.

    A parser gets the text and raises ValueError with what the text must be.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    @classmethod
    def of_model_config(cls, text: str) -> Parameters:
        """From the JSON that Triton hands to `initialize` as args["model_config"]."""
        given = json.loads(text).get("parameters", {})
        return cls({name: each["string_value"] for name, each in given.items()})

    def get(self, name: str, parse: Callable[[str], T], default: T) -> T:
        """The parsed value, or the default where the parameter is missing or empty. Raises BadSetting."""
        text = self._values.get(name, "").strip()
        if not text:
            return default
        try:
            return parse(text)
        except ValueError as error:
            raise BadSetting(f"the parameter {name} of config.pbtxt is '{text}', but it must be {error}") from None


def version_folder(args: Mapping[str, str]) -> Path:
    """The folder with the model's files, from the arguments that Triton hands to `initialize`."""
    return Path(args["model_repository"]) / args["model_version"]


def at_least(least: int) -> Callable[[str], int]:
    """A whole number of at least `least`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise ValueError(f"a whole number of at least {least}")
        return value

    return parse


def one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    """One of some words, in lower case."""

    def parse(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return text.lower()

    return parse


def truth(text: str) -> bool:
    """true or false, in the words that people write."""
    if text.lower() not in _TRUE + _FALSE:
        raise ValueError("true or false")
    return text.lower() in _TRUE


def json_object(text: str) -> dict[str, Any]:
    """A JSON object."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ValueError("a JSON object")
    return value

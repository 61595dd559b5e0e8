"""What can be set for an answer, by an option of `run` or by `/set`: names, ranges, and the fields they become.

Knows the fields of /v1/chat/completions; does not know the conversation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.durations import seconds
from modelyard.errors import InvalidInput

_ON = {"on": True, "true": True, "yes": True, "1": True, "off": False, "false": False, "no": False, "0": False}
_UNSET = frozenset({"default", "none", "unset"})


@dataclass(frozen=True)
class Parameter:
    """`read` makes a value of a word and raises ValueError; `field` puts it into a request's body."""

    says: str
    read: Callable[[str], Any]
    field: Callable[[Any], Mapping[str, Any]]


def _number(low: float, high: float) -> Callable[[str], float]:
    def read(word: str) -> float:
        if not low <= (value := float(word)) <= high:
            raise ValueError
        return value

    return read


def _integer(low: int, high: int) -> Callable[[str], int]:
    def read(word: str) -> int:
        if not low <= (value := int(word)) <= high:
            raise ValueError
        return value

    return read


def _switch(word: str) -> bool:
    try:
        return _ON[word.lower()]
    except KeyError:
        raise ValueError from None


def _format(word: str) -> str:
    if word not in ("text", "json"):
        raise ValueError
    return word


def _keep_alive(word: str) -> str:
    seconds(word)
    return word


PARAMETERS: Mapping[str, Parameter] = {
    "temperature": Parameter("0 to 2", _number(0, 2), lambda value: {"temperature": value}),
    "top_p": Parameter("0 to 1", _number(0, 1), lambda value: {"top_p": value}),
    "max_tokens": Parameter("1 or more", _integer(1, 2**31 - 1), lambda value: {"max_tokens": value}),
    "seed": Parameter("a whole number", _integer(-(2**63), 2**63 - 1), lambda value: {"seed": value}),
    "think": Parameter("on or off", _switch, lambda value: {"chat_template_kwargs": {"enable_thinking": value}}),
    "format": Parameter(
        "text or json", _format, lambda value: {"response_format": {"type": "json_object"}} if value == "json" else {}
    ),
    "keep_alive": Parameter("seconds, or as 10m; -1 for ever", _keep_alive, lambda _: {}),
    "verbose": Parameter("on or off: times after each answer", _switch, lambda _: {}),
    "markdown": Parameter("on or off: the answer as Markdown", _switch, lambda _: {}),
}


class Parameters:
    """What has been set. Everything else is as the model likes."""

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        self.values: dict[str, Any] = dict(given or {})

    def set(self, name: str, word: str) -> None:
        """Raises InvalidInput for a name that is none and a value that it cannot have."""
        known = PARAMETERS.get(name)
        if known is None:
            raise InvalidInput(f"'{name}' is no parameter", hint=f"there are {', '.join(PARAMETERS)}")
        if word.lower() in _UNSET:
            self.values.pop(name, None)
            return
        try:
            self.values[name] = known.read(word)
        except ValueError:
            raise InvalidInput(f"{name} cannot be '{word}': {known.says}") from None

    def is_on(self, name: str, *, otherwise: bool) -> bool:
        return bool(self.values.get(name, otherwise))

    def fields(self) -> dict[str, Any]:
        """For the body of a request."""
        fields: dict[str, Any] = {}
        for name, value in self.values.items():
            fields.update(PARAMETERS[name].field(value))
        return fields

    def shown(self) -> dict[str, str]:
        """Each parameter with its value and what it may be."""
        words = {True: "on", False: "off"}
        lines = {}
        for name, known in PARAMETERS.items():
            value = self.values.get(name)
            said = "default" if value is None else words[value] if isinstance(value, bool) else str(value)
            lines[name] = f"{said:<10}  {known.says}"
        return lines

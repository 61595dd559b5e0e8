"""A Modelfile, which is how a model with manners of its own is written down for Ollama, and back.

Knows its lines; does not know what an option means. https://docs.ollama.com/modelfile describes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from modelyard.errors import FieldRefused, InvalidInput

_FIELD = "modelfile"
_QUOTES = '"""'
_INSTRUCTIONS = ("FROM", "PARAMETER", "SYSTEM", "TEMPLATE", "LICENSE", "MESSAGE", "ADAPTER", "REQUIRES")


@dataclass
class Modelfile:
    base: str | None = None
    system: str | None = None
    template: str | None = None
    licenses: list[str] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)


def parse(text: str) -> Modelfile:
    """Raises InvalidInput with the number of the line, and FieldRefused for what cannot be honoured."""
    found = Modelfile()
    for line, instruction, value in _instructions(text):
        if instruction == "FROM":
            if found.base is not None:
                raise _wrong(line, "a second FROM")
            found.base = value
        elif instruction == "SYSTEM":
            found.system = value
        elif instruction == "TEMPLATE":
            found.template = value
        elif instruction == "LICENSE":
            found.licenses.append(value)
        elif instruction == "PARAMETER":
            _parameter(found.parameters, line, value)
        elif instruction == "MESSAGE":
            raise FieldRefused(f"{_FIELD} MESSAGE", "a model keeps no messages; send them with each request")
        elif instruction == "ADAPTER":
            raise FieldRefused(
                f"{_FIELD} ADAPTER",
                "adapters are added by 'modelyard convert --adapter' and asked for as model:adapter",
            )
        # REQUIRES names a version of Ollama, which this is not; what a file needs is seen when it is read.
    if found.base is None:
        raise InvalidInput("the Modelfile has no FROM", field=_FIELD)
    return found


def _parameter(parameters: dict[str, Any], line: int, value: str) -> None:
    name, *rest = value.split(None, 1)
    if not rest:
        raise _wrong(line, "PARAMETER takes a name and a value")
    given = _unquoted(rest[0])
    if name == "stop":
        parameters.setdefault("stop", []).append(given)
    else:
        parameters[name] = _typed(given)


def _typed(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """Line number, instruction in capitals, value."""
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        start, line = at + 1, lines[at].strip()
        at += 1
        if not line or line.startswith("#"):
            continue
        word, *rest = line.split(None, 1)
        instruction, value = word.upper(), rest[0] if rest else ""
        if instruction not in _INSTRUCTIONS:
            raise _wrong(start, f"'{word}' is no instruction")
        head = re.match(rf"(\S+\s+)?{_QUOTES}" if instruction in ("MESSAGE", "PARAMETER") else _QUOTES, value)
        if head is not None:
            block = [lines[at - 1].partition(_QUOTES)[2]]
            while _QUOTES not in block[-1]:
                if at == len(lines):
                    raise _wrong(start, f"{_QUOTES} is not closed")
                block.append(lines[at])
                at += 1
            last, _, after = block[-1].partition(_QUOTES)
            if after.strip():
                raise _wrong(at, f"there is more after {_QUOTES}")
            value = (head[1] or "" if head.re.groups else "") + "\n".join([*block[:-1], last])
        else:
            value = _unquoted(value)
        if not value:
            raise _wrong(start, f"{instruction} has no value")
        yield start, instruction, value


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _wrong(line: int, why: str) -> InvalidInput:
    return InvalidInput(f"the Modelfile cannot be read: line {line}: {why}", field=_FIELD)


def write(
    base: str,
    *,
    template: str | None,
    system: str | None,
    parameters: Mapping[str, Any],
    license: str | None,
) -> str:
    """A Modelfile that makes the same model again."""
    lines = [f"FROM {base}"]
    lines += [f"TEMPLATE {_quoted(template)}"] if template else []
    lines += [f"SYSTEM {_quoted(system)}"] if system else []
    lines += [f"PARAMETER {line}" for line in parameter_lines(parameters)]
    lines += [f"LICENSE {_quoted(license)}"] if license else []
    return "\n".join(lines) + "\n"


def parameter_lines(parameters: Mapping[str, Any]) -> Sequence[str]:
    lines = []
    for name, value in parameters.items():
        for each in value if isinstance(value, list | tuple) else (value,):
            lines.append(f"{name:<24} {_shown(each)}")
    return lines


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def _quoted(text: str) -> str:
    return f"{_QUOTES}{text}{_QUOTES}"

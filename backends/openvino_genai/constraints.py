"""vLLM's structured outputs as grammars for OpenVINO GenAI: which kinds there are and what each may hold.

Knows kinds and their values; what can be said in a grammar is known beside it, in `grammars/`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .grammars.json_schema import of_schema
from .grammars.literals import literal
from .grammars.regular import of_text

_LONGEST = 256 * 1024  # characters of a constraint
_DEEPEST = 100  # brackets within brackets of a grammar, which the engine reads by recursion


def grammar_of(value: Any) -> str:
    """The grammar of a `structured_outputs`. Raises ValueError with what it must be."""
    try:
        given = json.loads(value) if isinstance(value, str) else value
        if not isinstance(given, dict):
            raise ValueError("a JSON object")
        given = {name: each for name, each in given.items() if each is not None and each is not False}
        if len(given) != 1 or not given.keys() <= _KINDS.keys():
            raise ValueError(f"an object with one of {', '.join(_KINDS)}")
        ((kind, wanted),) = given.items()
        grammar = _KINDS[kind](wanted)
        grammar.encode()
    except (RecursionError, UnicodeError) as error:
        raise ValueError("a constraint that is text and not nested too deeply") from error
    if len(grammar) > _LONGEST:
        raise ValueError(f"a constraint whose grammar has at most {_LONGEST} characters, not {len(grammar)}")
    return grammar


def _json_schema(value: Any) -> str:
    schema = json.loads(value) if isinstance(value, str) else value
    if not isinstance(schema, dict):
        raise ValueError("an object whose 'json' is a JSON schema")
    try:
        return of_schema(schema)
    except ValueError as error:
        raise ValueError(f"an object whose 'json' is {error}") from None
    except (TypeError, LookupError, AttributeError, ArithmeticError):
        raise ValueError("an object whose 'json' is a JSON schema") from None


def _any_object(value: Any) -> str:
    if value is not True:
        raise ValueError("an object whose 'json_object' is true")
    return of_schema({"type": "object"})


def _choice(value: Any) -> str:
    if not isinstance(value, list) or not value or not all(isinstance(each, str) and each for each in value):
        raise ValueError("an object whose 'choice' is a list of texts, none of them empty")
    return "root ::= " + " | ".join(literal(each) for each in value)


def _regex(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("an object whose 'regex' is a regular expression")
    try:
        return f"root ::= {of_text(value)}"
    except ValueError as error:
        raise ValueError(f"an object whose 'regex' can be compiled ({error})") from None


def _grammar(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("an object whose 'grammar' is a text")
    if value.startswith("%llguidance"):
        raise ValueError("an object whose 'grammar' is in GBNF; this engine does not read llguidance's kind")
    if _depth(value) > _DEEPEST:
        raise ValueError(f"an object whose 'grammar' has at most {_DEEPEST} brackets within brackets")
    return value  # the engine says itself what is wrong with it, before it is used


def _depth(text: str) -> int:
    depth = deepest = 0
    for each in text:
        depth += (each == "(") - (each == ")")
        deepest = max(deepest, depth)
    return deepest


_KINDS: dict[str, Callable[[Any], str]] = {
    "json": _json_schema,
    "json_object": _any_object,
    "choice": _choice,
    "grammar": _grammar,
    "regex": _regex,
}

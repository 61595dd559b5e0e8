"""vLLM's structured outputs as grammars for llama.cpp, checked before they go there.

llama.cpp leaves a grammar of its library llguidance out, without a word to the caller, when that cannot be compiled;
so it is compiled here first. Knows schemas and grammars; does not know requests.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any

_LLGUIDANCE = "%llguidance {}\n"  # how llama.cpp tells such a grammar from its own kind, GBNF
# A model that may write white space without end sometimes does; its `whitespace_pattern` may be repeated.
_SPACING = {"x-guidance": {"whitespace_flexible": False, "key_separator": ": ", "item_separator": ", "}}


def grammar_of(value: Any) -> str:
    """The grammar of a `structured_outputs`. Raises ValueError with what it must be."""
    try:
        given = json.loads(value) if isinstance(value, str) else value
    except RecursionError:
        given = None
    if not isinstance(given, dict):
        raise ValueError("a JSON object")
    given = {name: each for name, each in given.items() if each is not None and each is not False}
    if len(given) != 1 or not given.keys() <= _KINDS.keys():
        raise ValueError(f"an object with one of {', '.join(_KINDS)}")
    ((kind, wanted),) = given.items()
    return _KINDS[kind](wanted)


def _json_schema(value: Any) -> str:
    schema = json.loads(value) if isinstance(value, str) else value
    if not isinstance(schema, dict):
        raise ValueError("an object whose 'json' is a JSON schema")
    return _compiled("json", f"start: %json {json.dumps({**schema, **_SPACING})}")


def _any_object(value: Any) -> str:
    if value is not True:
        raise ValueError("an object whose 'json_object' is true")
    return _json_schema({"type": "object"})


def _choice(value: Any) -> str:
    if not isinstance(value, list) or not value or not all(isinstance(each, str) and each for each in value):
        raise ValueError("an object whose 'choice' is a list of texts, none of them empty")
    return _compiled("choice", "start: " + " | ".join(json.dumps(each) for each in value))


def _regex(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("an object whose 'regex' is a regular expression")
    # A slash would end the expression, and a line break the rule.
    return _compiled("regex", "start: /" + value.replace("\\/", "/").replace("/", "\\/").replace("\n", "\\n") + "/")


def _grammar(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("an object whose 'grammar' is a text")
    if value.startswith(_LLGUIDANCE.split()[0]):
        _compiled("grammar", value.partition("\n")[2])
    return value  # llama.cpp says itself what is wrong with a GBNF


def _compiled(kind: str, rules: str) -> str:
    grammar = _LLGUIDANCE + rules
    wrong: str = importlib.import_module("llguidance").LLMatcher.validate_grammar(grammar)
    if wrong:
        lines = [line.strip() for line in wrong.splitlines()]
        why = next((line.removeprefix("error: ") for line in lines if line.startswith("error: ")), lines[0])
        raise ValueError(f"an object whose '{kind}' can be compiled ({why})")
    return grammar


_KINDS: dict[str, Callable[[Any], str]] = {
    "json": _json_schema,
    "json_object": _any_object,
    "choice": _choice,
    "grammar": _grammar,
    "regex": _regex,
}

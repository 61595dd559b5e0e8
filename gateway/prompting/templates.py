"""A chat template is rendered as transformers' apply_chat_template renders it.

A template is code of a stranger: it runs in a sandbox that is bounded (`bounds.py`), and so is its output. Knows Jinja;
does not know where a template comes from, nor what a message is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NoReturn

import jinja2
from jinja2 import meta, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from gateway.prompting.bounds import BUDGET, BoundedEnvironment, Budget, TooMuch
from modelyard.errors import InvalidInput, ModelyardError

_MAX_TEMPLATE = 2**20  # characters; the longest that are published have some 30,000
_MAX_PROMPT = 64 * 2**20  # characters; as the largest body that is taken


class TemplateFailed(ModelyardError):
    """The model's chat template itself is wrong, whatever the messages."""


class _Refusal(jinja2.TemplateError):
    """What a template says by raise_exception: the messages are not as it wants them."""


def render(source: str, variables: Mapping[str, Any]) -> str:
    """One rendering. Raises InvalidInput for messages that the template refuses, TemplateFailed for its own faults."""
    template = _compiled(source)
    pieces: list[str] = []
    size = 0
    try:
        for piece in template.generate({**variables, BUDGET: Budget()}):
            pieces.append(piece)
            size += len(piece)
            if size > _MAX_PROMPT:
                raise TooMuch("it makes a prompt without end")
    except _Refusal as error:
        raise InvalidInput(f"the model's chat template refuses these messages: {error}", field="messages") from error
    except (TooMuch, RecursionError, MemoryError) as error:
        raise TemplateFailed(f"the model's chat template needs too much: {error}") from error
    except (jinja2.TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        # Most templates do not check what they are given, and stumble over it instead.
        raise InvalidInput(f"the model's chat template fails with these messages: {error}", field="messages") from error
    return "".join(pieces)


@lru_cache(maxsize=64)
def variables_of(source: str) -> frozenset[str]:
    """The variables that a template looks for and does not set itself. Raises TemplateFailed."""
    _compiled(source)
    return frozenset(meta.find_undeclared_variables(_ENVIRONMENT.parse(source)))


@lru_cache(maxsize=64)
def _compiled(source: str) -> jinja2.Template:
    if len(source) > _MAX_TEMPLATE:
        raise TemplateFailed("the model's chat template is too long")
    try:
        return _ENVIRONMENT.from_string(source)
    except (jinja2.TemplateError, RecursionError, SyntaxError, ValueError) as error:
        raise TemplateFailed(f"the model's chat template is not valid: {error}") from error


class _Generation(Extension):
    """`{% generation %}` marks what the assistant says, which only training needs: here it is rendered as it is."""

    tags = {"generation"}  # noqa: RUF012 - as Jinja declares it

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_as_it_is"), [], [], body).set_lineno(line)

    def _as_it_is(self, caller: Any) -> str:
        return str(caller())


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | str | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    # Jinja's own filter escapes HTML, which a model must not see.
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _raise_exception(message: object) -> NoReturn:
    raise _Refusal(str(message))


def _strftime_now(form: str) -> str:
    return datetime.now().strftime(form)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = BoundedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols])
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = _strftime_now
    return environment


_ENVIRONMENT = _environment()

"""Messages become a prompt by the checkpoint's own chat template, as transformers' apply_chat_template renders it.

A template is code of a stranger: it runs in a sandbox that is bounded (`bounds.py`), and so is its output. Knows Jinja;
does not know where a template comes from.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NoReturn

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from gateway.domain.content import Message, Text
from gateway.domain.generation import GenerationRequest, Tokens
from gateway.domain.ports import Asked, Prepared
from gateway.prompting.bounds import BUDGET, BoundedEnvironment, Budget, TooMuch
from modelyard.card import ModelCard
from modelyard.errors import FieldRefused, InvalidInput, ModelyardError

_MAX_TEMPLATE = 2**20  # characters; the longest that are published have some 30,000
_MAX_PROMPT = 64 * 2**20  # characters; as the largest body that is taken
_SMALL = 16_384  # characters of messages that are rendered on the event loop, which takes about a millisecond


class TemplateFailed(ModelyardError):
    """The model's chat template itself is wrong, whatever the messages."""


class _Refusal(jinja2.TemplateError):
    """What a template says by raise_exception: the messages are not as it wants them."""


class Templates:
    """Renders by the card's template; compiled ones are kept. Fits `Prompting` of the domain's ports."""

    async def prepare(self, card: ModelCard, request: GenerationRequest) -> Prepared:
        if isinstance(request.prompt, Tokens):
            raise FieldRefused("prompt", "tokens are not taken, send text")
        if isinstance(request.prompt, str):
            return Prepared(Asked(request.prompt, request.sampling, request.images))
        return Prepared(Asked(await self.render(card, request.prompt), request.sampling))

    async def render(self, card: ModelCard, messages: Sequence[Message]) -> str:
        """The prompt, with the beginning of the assistant's turn.

        Raises InvalidInput with the template's own words when it refuses the messages, or when the model has none.
        """
        if card.chat_template is None:
            raise InvalidInput(
                "this model has no chat template, so it cannot take messages; use /v1/completions", field="messages"
            )
        source, special_tokens = card.chat_template, card.special_tokens
        if sum(len(part.text) for message in messages for part in message.parts if isinstance(part, Text)) <= _SMALL:
            return render(source, messages, special_tokens)
        return await asyncio.to_thread(render, source, messages, special_tokens)


def render(source: str, messages: Sequence[Message], special_tokens: Mapping[str, str]) -> str:
    """One rendering. Raises InvalidInput for messages that the template refuses, TemplateFailed for its own faults."""
    template = _compiled(source)
    developer = "system" if "developer" not in source else "developer"
    given = [_as_dict(message, developer) for message in messages]
    pieces: list[str] = []
    size = 0
    try:
        for piece in template.generate(
            {
                **special_tokens,
                "messages": given,
                "tools": None,
                "documents": None,
                "add_generation_prompt": True,
                BUDGET: Budget(),
            }
        ):
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


def _as_dict(message: Message, developer: str) -> dict[str, Any]:
    role = developer if message.role == "developer" else message.role
    given: dict[str, Any] = {"role": role, "content": message.text}
    if message.name is not None:
        given["name"] = message.name
    return given


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

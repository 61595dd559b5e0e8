"""From a request to what its model reads, and to the reader of what it answers. Fits `Prompting` of the domain's ports.

Here it is decided what this model can do of what is asked; the forms themselves are known elsewhere.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

from gateway.domain.content import Message
from gateway.domain.generation import GenerationRequest, Tokens
from gateway.domain.ports import AnswerParser, Asked, Prepared
from gateway.prompting.choosing import Choice, choice_of
from gateway.prompting.cursor import Cursor
from gateway.prompting.harmony import FINAL, harmony_program
from gateway.prompting.messages import Manners, manners_of, to_messages, to_tools
from gateway.prompting.output import Calls, Output, call_id
from gateway.prompting.reading import AnswerReader, Program, text_program
from gateway.prompting.templates import TemplateFailed, render
from gateway.prompting.thinking import (
    Decision,
    decide,
    is_harmony,
    is_open,
    thinking_program,
    thinks_at_the_end,
    thought_of,
)
from gateway.prompting.tool_calls.families import family_of
from gateway.prompting.tool_calls.family import Family, calls_program
from modelyard.abilities import VISION, abilities_of
from modelyard.card import ModelCard
from modelyard.errors import InvalidInput

_SMALL = 16_384  # characters of messages that are rendered on the event loop, which takes about a millisecond
_RESERVED = frozenset({"messages", "tools", "documents", "add_generation_prompt", "continue_final_message"})
_CONTINUED = "MODELYARD_CONTINUES_HERE "  # as transformers marks the place, with a space that a template may trim
_TOKEN = re.compile(r"<[|｜][^<>|｜\s]{1,40}[|｜]>")  # noqa: RUF001 - DeepSeek writes its tokens with this letter


class Prompts:
    """Prepares requests by the card's chat template; what is learnt of a template is kept."""

    async def prepare(self, card: ModelCard, request: GenerationRequest) -> Prepared:
        if not isinstance(request.prompt, tuple):
            return _prepare_plain(card, request)
        try:
            if sum(len(message.text) for message in request.prompt) <= _SMALL:
                return _prepare_chat(card, request, request.prompt)
            return await asyncio.to_thread(_prepare_chat, card, request, request.prompt)
        except TemplateFailed as error:
            if request.template is None:
                raise
            raise InvalidInput(error.message, field="chat_template") from error


def _prepare_plain(card: ModelCard, request: GenerationRequest) -> Prepared:
    if request.tools:
        raise InvalidInput("tools need messages: a prompt goes to the model as it stands", field="tools")
    if request.images:
        if isinstance(request.prompt, Tokens):
            raise InvalidInput("a prompt of tokens has no places for images, send text", field="images")
        _check_sight(card, "images")
    prompt: Any = request.prompt
    return Prepared(Asked(prompt, request.sampling, request.images))


def _prepare_chat(card: ModelCard, request: GenerationRequest, messages: tuple[Message, ...]) -> Prepared:
    template = request.template if request.template is not None else card.chat_template
    if template is None:
        raise InvalidInput(
            "this model has no chat template, so it cannot take messages; use /v1/completions", field="messages"
        )
    images = tuple(image for message in messages for image in message.images)
    if images:
        _check_sight(card, "messages")
    if reserved := sorted(_RESERVED & request.template_arguments.keys()):
        raise InvalidInput(
            f"'{reserved[0]}' is given to the chat template by the gateway itself", field="chat_template_kwargs"
        )
    manners = manners_of(template)
    family = family_of(template)
    choice = choice_of(request, template, family, harmony=is_harmony(template))
    sampling = request.sampling
    if choice.schema is not None:
        sampling = replace(sampling, structured_outputs={"json": choice.schema})
    guided = sampling.structured_outputs is not None
    given = frozenset(request.template_arguments)
    decision = decide(request.thinking, template, manners.variables, guided=guided, given=given)
    variables = {**decision.variables, **request.template_arguments}
    prompt = _render(card, request, messages, template, manners, choice, variables)
    program, special, suffix = _program(request, template, prompt, choice, decision, family, card, guided=guided)
    if program is not None and special and sampling.skip_special_tokens is None:
        sampling = replace(sampling, skip_special_tokens=False)
    asked = Asked(prompt + suffix, sampling, images)
    if program is None:
        return Prepared(asked)
    new_id = family.new_id if family is not None else call_id
    return Prepared(asked, partial(_reader, program, request, choice, new_id))


def _check_sight(card: ModelCard, field: str) -> None:
    if VISION not in abilities_of(card):
        raise InvalidInput(
            "this model cannot see images", field=field, hint="send text only, or use a model that takes images"
        )


def _reader(
    program: Program, request: GenerationRequest, choice: Choice, new_id: Callable[[], str], index: int
) -> AnswerParser:
    cursor, output = Cursor(), Output(index, split=request.thinking.split)
    calls = Calls(cursor, output, parallel=request.parallel_tool_calls, checks=choice.checks, new_id=new_id)
    return AnswerReader(program, cursor, output, calls)


def _render(
    card: ModelCard,
    request: GenerationRequest,
    messages: Sequence[Message],
    template: str,
    manners: Manners,
    choice: Choice,
    variables: Mapping[str, Any],
) -> str:
    given = to_messages(messages, manners, card.special_tokens.get("image_token") or "<image>")
    last: Any = None
    if request.continues:
        if not messages or messages[-1].role != "assistant" or not messages[-1].text:
            raise InvalidInput(
                "to go on with an answer, the last message must be the assistant's and have text", field="messages"
            )
        last = _mark_the_end(given[-1])
    prompt = render(
        template,
        {
            **card.special_tokens,
            "messages": given,
            "tools": to_tools(choice.shown),
            "documents": None,
            "add_generation_prompt": not request.continues,
            **variables,
        },
    )
    return prompt if last is None else _cut(prompt, last)


def _mark_the_end(message: dict[str, Any]) -> str:
    content = message["content"]
    if isinstance(content, str):
        message["content"] = content + _CONTINUED
        return content
    part = next(part for part in reversed(content) if "text" in part)
    text: str = part["text"]
    part["text"] = text + _CONTINUED
    return text


def _cut(prompt: str, last: str) -> str:
    """The prompt up to the end of the message that is gone on with, as transformers cuts it."""
    place = prompt.rfind(_CONTINUED.strip())
    if place < 0 or last.strip() not in prompt:
        raise InvalidInput(
            "the model's chat template changes the last message, so the answer cannot go on from there",
            field="messages",
        )
    kept = prompt.startswith(_CONTINUED, place)
    return prompt[:place] if kept else prompt[:place].rstrip()


def _program(
    request: GenerationRequest,
    template: str,
    prompt: str,
    choice: Choice,
    decision: Decision,
    family: Family | None,
    card: ModelCard,
    *,
    guided: bool,
) -> tuple[Program | None, bool, str]:
    """How the answer is read (None: as it stands), whether special tokens must stay in it, and what ends the prompt."""
    continued = _last_text(request) if request.continues else None
    if is_harmony(template):
        if guided:
            return choice.program, False, "" if request.continues else FINAL
        return harmony_program(final=request.continues), True, ""
    thought = thought_of(template)
    inside = False
    if thought is not None:
        state = is_open(thought, continued) if continued is not None else thinks_at_the_end(thought, prompt)
        if guided:
            # There is no switch, or it did not help: a thought without a word is one too.
            suffix = f"\n{thought.ends[0]}\n\n" if state else ""
            return choice.program, False, suffix
        inside = bool(state)
        off = (
            state is False or (thought.asked and decision.on is None and not _switched(request)) or decision.on is False
        )
        if (off and not inside) or (not request.thinking.split and not choice.parsed):
            thought = None
    if choice.program is not None:
        return choice.program, False, ""
    special = (choice.parsed and family is not None and family.special) or (thought is not None and thought.special)
    dropped = _tokens(template, tuple(card.special_tokens.values())) if special else ()
    dropped += thought.dropped if thought is not None else ()
    rest: Program | None = None
    if choice.parsed and family is not None:
        rest = calls_program(family, request.tools, dropped)
    if thought is not None:
        marks = (*thought.starts, *thought.ends)
        dropped = tuple(token for token in dropped if token not in marks)
        rest = thinking_program(thought, rest or text_program(dropped), dropped, inside=inside)
    return rest, special, ""


def _switched(request: GenerationRequest) -> bool:
    return any(request.template_arguments.get(name) for name in ("thinking", "enable_thinking"))


def _last_text(request: GenerationRequest) -> str:
    return request.prompt[-1].text if isinstance(request.prompt, tuple) else ""


@lru_cache(maxsize=64)
def _tokens(template: str, special: tuple[str, ...]) -> tuple[str, ...]:
    """The special tokens that may be left over in a text from which the engine takes none out."""
    found = dict.fromkeys((*special, *_TOKEN.findall(template)))
    # None may begin with another.
    return tuple(
        token for token in found if token and not any(other != token and token.startswith(other) for other in found)
    )

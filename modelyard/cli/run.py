"""`run`: a chat with a model on a terminal, one answer for a pipe.

Reads options and looks whether people or programs are at both ends; `modelyard.cli.chat` does the rest.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from modelyard.cli.options import GatewayUrl, Repository, settings_with

if TYPE_CHECKING:
    from modelyard.settings import Settings


def run(
    model: Annotated[str, typer.Argument(help="The model's name.", metavar="MODEL", show_default=False)],
    prompt: Annotated[
        list[str] | None,
        typer.Argument(help="A question: it is answered, and that is all.", metavar="[PROMPT]", show_default=False),
    ] = None,
    system: Annotated[str | None, typer.Option(help="The system message.")] = None,
    temperature: Annotated[float | None, typer.Option(min=0, max=2, help="0 always takes the likeliest word.")] = None,
    top_p: Annotated[float | None, typer.Option(min=0, max=1, help="Share of likely words to choose from.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Longest answer.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same answer.")] = None,
    think: Annotated[
        bool | None, typer.Option("--think/--no-think", help="Whether a model that can think first does.")
    ] = None,
    answer_format: Annotated[Literal["json"] | None, typer.Option("--format", help="json: the answer is JSON.")] = None,
    image: Annotated[list[Path] | None, typer.Option(help="A picture to ask about. May be repeated.")] = None,
    keep_alive: Annotated[
        str | None, typer.Option(help="How long the model stays loaded afterwards: seconds, 10m, -1 for ever.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Say how long each answer took.")] = False,
    url: GatewayUrl = None,
    repository: Repository = None,
) -> None:
    """Chat with a model, or print its answer to a question.

    Text on standard input is a question too. The gateway that runs on this machine is asked, and one is started when
    none runs.
    """
    from modelyard.cli import background
    from modelyard.cli.chat import session
    from modelyard.cli.chat.conversation import Conversation, picture
    from modelyard.cli.chat.parameters import Parameters

    parameters = Parameters()
    given: dict[str, Any] = {
        "temperature": temperature,
        "top_p": top_p,
        "max_tokens": max_tokens,
        "seed": seed,
        "think": None if think is None else "on" if think else "off",
        "format": answer_format,
        "keep_alive": keep_alive,
        "verbose": "on" if verbose else None,
    }
    for name, value in given.items():
        if value is not None:
            parameters.set(name, str(value))
    conversation = Conversation(model, system=system, images=[picture(file) for file in image or ()])
    question = _question(prompt)
    settings = settings_with(repository)
    with background.client(settings, url, model=local_model(settings, url, model)) as client:
        client.require_model(model)
        if question is None:
            session.chat(client, conversation, parameters)
        elif session.once(client, conversation, parameters, question).interrupted:
            raise KeyboardInterrupt


def _question(prompt: list[str] | None) -> str | None:
    """What was typed and what came by a pipe, the typed first; None when there is a person to ask."""
    from modelyard.errors import InvalidInput

    parts = [" ".join(prompt)] if prompt else []
    if not sys.stdin.isatty():
        # As bytes: a pipe may carry anything, whatever the locale.
        parts.append(sys.stdin.buffer.read().decode(errors="replace").strip())
    elif not prompt and not sys.stdout.isatty():
        raise InvalidInput("there is no question", hint="write it after the model's name, or send it by a pipe")
    elif not prompt:
        return None
    question = "\n\n".join(part for part in parts if part)
    if not question:
        raise InvalidInput("there is no question: standard input is empty")
    return question


def local_model(settings: Settings, url: str | None, model: str) -> str | None:
    """The entry that a gateway of ours would load first, when one had to be started."""
    if url or settings.url or settings.triton_urls:
        return None
    return model.partition(":")[0]

"""The chat itself: what is typed goes to the commands or to the model, until the user leaves.

Joins the files beside it; knows no detail of theirs.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from modelyard.cli.chat import commands
from modelyard.cli.chat.answer import Plain, Told, answer, on_terminal
from modelyard.cli.chat.conversation import Conversation
from modelyard.cli.chat.parameters import Parameters
from modelyard.errors import ModelyardError

if TYPE_CHECKING:
    from rich.console import Console

    from modelyard.cli.gateway_client import GatewayClient


def once(client: GatewayClient, conversation: Conversation, parameters: Parameters, question: str) -> Told:
    """One question, one answer: Markdown on a terminal, plain text elsewhere."""
    if sys.stdout.isatty():
        from rich.console import Console

        console = Console()
        with on_terminal(console, markdown=parameters.is_on("markdown", otherwise=True)) as shown:
            told = answer(client, conversation, parameters, question, shown)
    else:
        plain = Plain()
        try:
            told = answer(client, conversation, parameters, question, plain)
        finally:
            plain.end()
    _keep(client, conversation, parameters)
    if parameters.is_on("verbose", otherwise=False):
        print(told.sentence(), file=sys.stderr)
    return told


def chat(client: GatewayClient, conversation: Conversation, parameters: Parameters) -> None:
    """Until /quit or Ctrl-D."""
    from rich.console import Console

    from modelyard.cli.chat.prompt import Prompt

    @functools.cache
    def models() -> Sequence[str]:
        return [str(model["id"]) for model in client.get("/v1/models")["data"]]

    console = Console()
    state = commands.Chat(conversation, parameters, console, models)
    prompt = Prompt(lambda: _quietly(models))
    with console.status(f"loading {conversation.model}"):
        client.load(conversation.model)
    while True:
        try:
            line = prompt.ask()
        except KeyboardInterrupt:
            state.say("Ctrl-D or /quit leaves", dim=True)
            continue
        except EOFError:
            return
        if not line:
            continue
        try:
            # A text of several lines is for the model, whatever it begins with.
            if line.startswith("/") and "\n" not in line:
                commands.run(state, line)
            else:
                _turn(client, state, line)
        except commands.Leave:
            return
        except (ModelyardError, OSError) as error:
            _problem(console, error)


def _turn(client: GatewayClient, state: commands.Chat, question: str) -> None:
    markdown = state.parameters.is_on("markdown", otherwise=True)
    state.console.print()
    with on_terminal(state.console, markdown=markdown) as shown:
        told = answer(client, state.conversation, state.parameters, question, shown)
    _keep(client, state.conversation, state.parameters)
    if told.interrupted:
        state.say("(stopped)", dim=True)
    elif told.reason == "length":
        state.say("(the answer has reached its longest length)", dim=True)
    if state.parameters.is_on("verbose", otherwise=False):
        state.say(told.sentence(), dim=True)
    state.console.print()


def _keep(client: GatewayClient, conversation: Conversation, parameters: Parameters) -> None:
    """How long the model stays counts from its last answer, and OpenAI's requests have no field for it."""
    if (length := parameters.values.get("keep_alive")) is not None:
        client.load(conversation.model, length)


def _problem(console: Console, error: ModelyardError | OSError) -> None:
    from modelyard.cli.failures import explain

    message, hint, _ = explain(error)
    console.print(message, style="red", markup=False, highlight=False)
    if hint:
        console.print(hint, style="dim", markup=False, highlight=False)
    console.print()


def _quietly(models: Callable[[], Sequence[str]]) -> Sequence[str]:
    """For completion: a gateway that is gone is told of when it is asked something."""
    try:
        return models()
    except ModelyardError:
        return ()
